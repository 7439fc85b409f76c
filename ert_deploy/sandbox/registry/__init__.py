"""Double of a container registry: push and pull by the OCI distribution API, with the token flow. Knows no provider."""
