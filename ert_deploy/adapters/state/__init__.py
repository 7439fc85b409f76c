"""State stores with one common contract: a local file, an object in S3 or PostgreSQL, or memory."""
