"""Agent: a host of the application layer that stays: it starts a sleeping deployment on request.

It calls the same functions as the command line and keeps nothing beside the state and the marks. It must not import
engine, adapters, providers or the command line.
"""
