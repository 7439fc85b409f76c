"""Verdict on a deployment: one check per link between the app and its model, from what was read. Pure."""
