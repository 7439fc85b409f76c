"""Takes a sentence apart for claims: what it names, of whom, of when and how much. Pure."""
