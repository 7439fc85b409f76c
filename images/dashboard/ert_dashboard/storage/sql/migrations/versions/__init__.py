"""Revisions of the schema, oldest first. Each only adds: an earlier release runs on a later schema after a rollback."""
