"""Forecast of a run: every step, variable and machine of it, and what a user is told of them before it starts."""
