"""State stores with one common contract: a local file, an S3 object, or memory."""
