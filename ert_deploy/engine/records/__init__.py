"""The state as the engine keeps it: whose it is, small writes, waits, and going down where no store can be used."""
