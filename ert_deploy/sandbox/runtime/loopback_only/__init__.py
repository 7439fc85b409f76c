"""On the path of a process of the sandbox: the interpreter imports `sitecustomize` from it and nothing else."""
