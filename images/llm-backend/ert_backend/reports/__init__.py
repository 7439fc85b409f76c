"""Report generation: jobs, sections, prompts and output. Must not import `api` or `edge`."""
