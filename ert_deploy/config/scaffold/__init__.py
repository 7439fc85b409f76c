"""Files made for a user by `init` and `render-yaml`: a config, a Blueprint, and what they are guessed from."""
