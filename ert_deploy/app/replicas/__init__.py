"""Replicas of a deployment as the commands see them: a session for each, and their results as one."""
