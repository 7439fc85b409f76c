"""Shared base package: clocks, logs, metrics, activity, atomic files. Imports no other package of the backend."""
