"""Queue of reports and the worker that has them written. Must not import `web` or `auth`."""
