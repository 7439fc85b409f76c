"""Agent: a host of the application layer that stays: it wakes a deployment on request and looks after it.

It calls the same functions as the command line and keeps nothing beside the state and the marks. It must not import
engine, adapters, providers or the command line.
"""
