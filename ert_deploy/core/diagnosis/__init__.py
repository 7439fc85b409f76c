"""Diagnosis: what is wrong with a deployment, most likely first. Pure: from what was read to the causes."""
