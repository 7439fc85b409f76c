"""Launch policies on a generative GPU market with a virtual clock: a model, not a measurement of Vast."""
