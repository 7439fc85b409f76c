"""PostgreSQL store, imported only with a `DATABASE_URL`, as SQLAlchemy takes memory. Knows no file store."""
