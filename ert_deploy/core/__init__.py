"""Values and decisions: pure, total, and the same for the product and for every test that replays it.

Nothing here does I/O, reads a clock, draws a random number or imports a third party.
"""
