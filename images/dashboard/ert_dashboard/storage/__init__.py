"""Reports and drafts on disk, and who owns the folder. Must not import `web`, `auth` or `reports`."""
