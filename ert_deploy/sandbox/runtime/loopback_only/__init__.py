"""First directory on `PYTHONPATH` of sandbox processes: Python imports `sitecustomize` from here at startup."""
