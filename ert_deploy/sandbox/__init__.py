"""Sandbox: local servers that implement the APIs of the providers.

The product is tested against the sandbox, so the two must not share mistakes: this package may not import
`ert_deploy.core` or `ert_deploy.ports`.
"""
