"""Code of the GPU image: a guard that runs as PID 1, and the report service in front of Ollama.

The package has nothing in common with the tool that rents the machine except HTTP and environment variables.
"""

VERSION = "0.1.0"
