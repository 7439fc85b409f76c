"""Market access of the engine: the search, the wait for an offer, what is read again before a rental, what it cost.

The order of offers is the core's.
"""
