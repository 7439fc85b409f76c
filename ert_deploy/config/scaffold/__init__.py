"""Files generated for a user by `init` and `render-yaml`: a config and a Blueprint, with detected defaults."""
