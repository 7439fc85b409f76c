"""Ollama's wire format before llama.cpp or a script: `python -m ert_deploy.sandbox.ollama`. Imports no other room."""
