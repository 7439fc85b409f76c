"""Service level objectives of a deployment, read from where its metrics are kept. No provider is called."""
