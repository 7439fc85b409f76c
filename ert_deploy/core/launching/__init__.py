"""Launch of one machine: its expected progress, when it is behind, and what would have matched if nothing does."""
