"""Engine package: bring-up, smoke test, GPU and wire formats. Must not import `edge`, `api` or `reports`."""
