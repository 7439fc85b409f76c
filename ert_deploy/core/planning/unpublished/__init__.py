"""Plan of a run that may not change the apps: a stopped instance is started, and nothing else."""
