"""Network edge between the socket and the routes: listener, limits, TLS, identity, keys, audit log."""
