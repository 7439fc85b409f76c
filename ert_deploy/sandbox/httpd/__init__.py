"""HTTP server of the sandbox: routes, messages, and faults injected per call. Independent of any provider."""
