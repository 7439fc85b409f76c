"""Ollama's API for llama.cpp or a script: `python -m ert_deploy.sandbox.ollama`. Imports no other subpackage."""
