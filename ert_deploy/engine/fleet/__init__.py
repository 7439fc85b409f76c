"""Fleet: the unchanged engine of one deployment, run for each of its replicas in one thread, on one document."""
