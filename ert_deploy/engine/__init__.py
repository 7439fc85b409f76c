"""The only place where effects are ordered: observe, plan, do the first step, and look again."""
