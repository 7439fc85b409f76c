"""HTTP server of the doubles: threads, routes, whole messages, and faults per call. Knows no provider."""
