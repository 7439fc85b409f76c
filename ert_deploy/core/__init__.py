"""Data model and planning: deterministic, without side effects, shared by the product and every test that replays it.

`model` contains the data types, `planning` the functions over them. Modules in this package do no I/O, read no clock,
generate no random numbers and import no third-party packages.
"""
