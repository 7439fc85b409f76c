"""Shares of one environment: which variables only the agent gets, which only the dashboard, and which both. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Whatever may open a cloud, the state, or a person's inbox. Render's own variables are for the dashboard.
OF_THE_AGENT = (
    "VAST_", "RENDER_API_", "EXTERNAL_", "AWS_", "ERT_STATE_", "ERT_NOTIFY_", "ERT_GATEWAY_", "ERT_REGISTRY_",
    "ERT_PROMETHEUS_", "ERT_ALLOW_PROVIDER_URL", "ERT_CONFIG",
)  # fmt: skip
OF_BOTH = frozenset(
    {
        "ERT_AGENT_KEY", "ERT_MACHINE_SECRET", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "LANG", "LANGUAGE", "LOGNAME",
        "NO_PROXY", "PATH", "REQUESTS_CA_BUNDLE", "SHELL", "SSL_CERT_DIR", "SSL_CERT_FILE", "TERM", "TMPDIR", "TZ",
        "USER", "VIRTUAL_ENV",
    }
)  # fmt: skip
OF_BOTH_ALIKE = ("LC_", "PYTHON")


@dataclass(frozen=True, slots=True)
class Shares:
    """One environment in three parts, of which none is printed."""

    both: dict[str, str] = field(default_factory=dict, repr=False)
    agent: dict[str, str] = field(default_factory=dict, repr=False)
    dashboard: dict[str, str] = field(default_factory=dict, repr=False)


def shared(environ: Mapping[str, str]) -> Shares:
    """Return the parts of an environment. What is unknown is the dashboard's.

    Of the agent's what is empty is not set, as Render prompts for more than is needed. The dashboard's is left as it
    is: an empty hash of its password has to keep it from starting.
    """
    parts = Shares()
    for name, value in environ.items():
        if name.upper() in OF_BOTH or name.startswith(OF_BOTH_ALIKE):
            parts.both[name] = value
        elif not name.startswith(OF_THE_AGENT):
            parts.dashboard[name] = value
        elif value:
            parts.agent[name] = value
    return parts
