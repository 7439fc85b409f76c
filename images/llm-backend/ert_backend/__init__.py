"""The GPU image's own code: a guard as PID 1 and the report service in front of Ollama.

It shares nothing with the tool that rents the machine but HTTP and environment variables.
"""

VERSION = "0.1.0"
