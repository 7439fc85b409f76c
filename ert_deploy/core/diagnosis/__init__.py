"""Diagnosis: what is wrong with a deployment, most likely first. Pure: evidence in, causes out."""
