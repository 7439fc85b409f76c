"""The engine, which orders all effects: observe, plan, execute the first step, and repeat."""
