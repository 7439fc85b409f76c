"""The state as plain data: what is written, and strict reading of what anybody may have written."""
