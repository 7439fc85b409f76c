"""Text processing: normalisation, banned content, and the sentences of a model's output. No dependency on facts."""
