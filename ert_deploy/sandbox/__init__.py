"""A world on loopback that speaks the providers' wire formats.

The sandbox is the oracle the product is tested against, so it must not share the product's mistakes:
nothing here may import `ert_deploy.core` or `ert_deploy.ports`.
"""
