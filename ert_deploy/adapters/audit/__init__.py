"""Adapter that keeps the audit log of a machine: read before it is destroyed, written beside the state."""
