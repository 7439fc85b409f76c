"""Values and decisions: pure, total, and the same for the product and for every test that replays it.

`model` holds the values, `planning` the decisions over them. Nothing here does I/O, reads a clock, draws a random
number or imports a third party.
"""
