"""Report queue and worker threads. Must not import `web` or `auth`."""
