"""HAProxy for `/v1` on several machines: its files, and its commands at run time. Pure; imports only `core.model`."""
