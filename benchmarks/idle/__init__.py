"""Idle benchmark: policies for an unused machine on a public trace and on stated patterns (`make bench-idle`)."""
