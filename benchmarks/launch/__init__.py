"""Launch policies on a generative GPU market with a virtual clock: time to healthy and money. A model, not a measurement."""
