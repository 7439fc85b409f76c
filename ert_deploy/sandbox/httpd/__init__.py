"""HTTP server: routes, messages, and faults injected per call. Independent of any provider."""
