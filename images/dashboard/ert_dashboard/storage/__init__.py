"""Persistent jobs and drafts, and their ownership by processes. Must not import `web`, `auth` or `reports`."""
