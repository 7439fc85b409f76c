"""Gateway of an agent: its keys, and requests to the backend over pinned TLS. It decides nothing about a wake."""
