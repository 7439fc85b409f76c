"""YAML files: parsing with line numbers, errors with paths, edits that preserve comments. Needs no schema."""
