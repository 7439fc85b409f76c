"""Adapters to the backend on the GPU machine: proof of identity, health, and its accepted keys, over pinned TLS."""
