"""Configuration: converts a config file to `Settings`, or reports every error in it.

Importing it is fast: the template engine is only imported when a Blueprint is rendered.
"""

from ert_deploy.config.credentials import allowed_hosts, read_addresses, read_key, read_state_key, read_variables
from ert_deploy.config.discovery import available, default_config, find, key_at_hand, key_variables
from ert_deploy.config.load import load, parse
from ert_deploy.config.providers import Provider
from ert_deploy.config.settings import (
    Endpoint,
    KeySource,
    PostgresState,
    S3Object,
    SandboxSettings,
    Settings,
    addressed,
    audit_folder,
    call_timeout,
    custody_folder,
    state_of,
)
from ert_deploy.config.yaml.problems import ConfigProblems, Problem

__all__ = [
    "ConfigProblems",
    "Endpoint",
    "KeySource",
    "PostgresState",
    "Problem",
    "Provider",
    "S3Object",
    "SandboxSettings",
    "Settings",
    "addressed",
    "allowed_hosts",
    "audit_folder",
    "available",
    "call_timeout",
    "custody_folder",
    "default_config",
    "find",
    "key_at_hand",
    "key_variables",
    "load",
    "parse",
    "read_addresses",
    "read_key",
    "read_state_key",
    "read_variables",
    "state_of",
]
