"""Alembic's environment and the revisions of the schema. Only Alembic imports this package."""
