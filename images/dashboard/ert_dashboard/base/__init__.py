"""What every room uses: clock, environment, rates, secrets, strict JSON. Imports no other room."""
