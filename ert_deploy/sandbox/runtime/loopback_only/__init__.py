"""First directory on `PYTHONPATH` of child processes: Python imports `sitecustomize` from here at startup."""
