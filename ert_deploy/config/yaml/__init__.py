"""YAML files as text: read with positions, problems with paths, edits that keep every comment. Knows no key of ours."""
