"""Adapters: one package per external system, each behind a protocol of `ert_deploy.ports`; they make no decisions."""
