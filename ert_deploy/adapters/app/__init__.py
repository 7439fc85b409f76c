"""Adapters to the wired web app: which configuration it runs with, and a report the way a user gets one."""
