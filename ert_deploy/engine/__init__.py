"""Engine: executes the plan and orders all effects: read the actual state, plan, execute the first step, repeat."""
