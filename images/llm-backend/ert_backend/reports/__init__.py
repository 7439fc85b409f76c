"""Writing reports: jobs, sections, prompts, and what is printed. Must not import `api` or `edge`."""
