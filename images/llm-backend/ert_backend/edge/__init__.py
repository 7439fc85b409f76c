"""Between the socket and the routes: listener, limits, TLS, identity, keys, audit. Knows no report and no engine."""
