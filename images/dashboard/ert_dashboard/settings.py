"""Dashboard settings: parses the environment variables into one immutable `Settings`.

The variables that the deployer owns are accepted only as a whole: their fingerprint is recomputed here, and a set that
does not match it (a partial update, a changed value) is *torn* and never used. This module opens no connections.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ert_dashboard.auth.access import Access, read_access
from ert_dashboard.base import redaction
from ert_dashboard.base.agent import Agent, read_agent
from ert_dashboard.base.backends import BACKENDS, Backend, is_key, read_backends
from ert_dashboard.base.env import BadSetting, finite, number
from ert_dashboard.base.machine import Machine, read_machine
from ert_dashboard.base.secret import Secret
from ert_dashboard.base.shared import Role, read_shared, truth
from ert_dashboard.base.urls import loads, read_origin
from ert_dashboard.base.workflow import Workflow, read_workflow
from ert_dashboard.market.sources import Sources, read_sources

FINGERPRINT = "ERT_LLM_CONFIG_FINGERPRINT"
OWNED = (
    "REMOTE_LLM_INTEGRATION",
    "ERT_LLM_BACKEND_URL",
    "ERT_LLM_API_KEY",
    "ERT_LLM_TIMEOUT",
    "OLLAMA_INTEGRATION",
    "OPENAI_INTEGRATION",
    "ERT_LLM_CA_CERT",
    "ERT_LLM_PREVIEWS",
    BACKENDS,
)
_PREVIEW = "a preview does not use the LLM backend (`render/previews: use` in the config of ert-deploy lets it)"
_NEEDED = ("ERT_LLM_BACKEND_URL", "ERT_LLM_API_KEY", "ERT_LLM_CA_CERT")
_DEFAULT_TIMEOUT_S = 3600.0  # the default of ERT's own client
_LONGEST_TIMEOUT_S = 24 * 3600.0
_TOKEN_SHAPE = re.compile(r"[\x21-\x7e]{16,512}")


class Configuration(enum.StrEnum):
    """State of the backend configuration."""

    COMPLETE = "complete"
    TORN = "torn"
    ABSENT = "absent"


class Owned:
    """Variables that the deployer owns, of which one is the key; only their fingerprint is shown."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._values = {name: Secret(environ[name]) for name in OWNED if name in environ}

    def fingerprint(self, url: str | None = None, ca_pem: str | None = None, key: Secret | None = None) -> str:
        """Return the fingerprint, with another address, certificate and key if they are given."""
        shown = key.reveal() if key is not None else None
        moved = {"ERT_LLM_BACKEND_URL": url, "ERT_LLM_CA_CERT": ca_pem, "ERT_LLM_API_KEY": shown}
        values = {name: value.reveal() for name, value in self._values.items()}
        return fingerprint_of({**values, **{name: value for name, value in moved.items() if value is not None}})


@dataclass(frozen=True)
class Settings:
    """Settings of the app. There are `backends` if and only if `configuration` is complete."""

    configuration: Configuration
    problem: str | None
    fingerprint: str | None
    backends: tuple[Backend, ...]
    database: Path | None
    database_url: Secret | None = None
    redis_url: Secret | None = None
    role: Role = Role.ALL
    lease_s: float = 20.0
    new_disk_per_deploy: bool = False
    port: int = 10000
    max_queue: int = 100
    workers: int = 2
    wake_wait_s: float = 1800.0
    kept_reports: int = 200
    kept_s: float | None = None
    max_sockets: int | None = None
    secret_key: Secret | None = None
    log_level: str = "INFO"
    instance: str = ""
    machine: Machine = field(default_factory=Machine)
    agent: Agent | None = None
    workflow: Workflow | None = None
    owned: Owned = field(default_factory=lambda: Owned({}))
    access: Access = field(default_factory=Access)
    sources: Sources = field(default_factory=Sources)
    metrics_token: Secret | None = None
    daily_budget: float | None = None

    @property
    def presses_per_hour(self) -> int | None:
        """How often visitors may have the GPU woken, by the agent or the workflow; None where neither is set."""
        wakes = self.agent or self.workflow
        return None if wakes is None else wakes.wakes_per_hour


def fingerprint_of(environ: Mapping[str, str]) -> str:
    """Return 16 hex digits of the SHA-256 over the owned variables that are set, without the fingerprint."""
    owned = {name: environ[name] for name in OWNED if name in environ}
    text = json.dumps(owned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Parse `environ`. Invalid owned variables make the configuration torn; raise `BadSetting` for other settings."""
    redaction.HELD.hold_named(environ)
    redaction.hold(environ.get(BACKENDS, ""))
    configuration, problem, backends = _judge(environ)
    claimed = environ.get(FINGERPRINT, "").strip()
    matches = hmac.compare_digest(claimed.encode("utf-8", "replace"), fingerprint_of(environ).encode())
    database = environ.get("ERT_DASHBOARD_DB", "").strip()
    shared = read_shared(environ)
    secret_key = environ.get("ERT_SECRET_KEY") or environ.get("SECRET_KEY")
    return Settings(
        configuration=configuration,
        problem=problem,
        fingerprint=claimed if matches else None,
        backends=backends,
        database=Path(database) if database else None,
        database_url=shared.database_url,
        redis_url=shared.redis_url,
        role=shared.role,
        # Render's file system ends with each deploy, except for a disk, which the user has to name.
        new_disk_per_deploy=truth(environ.get("RENDER", "")) and not database,
        lease_s=number(environ, "ERT_DASHBOARD_LEASE", 20, 1, 600),
        port=int(number(environ, "PORT", 10000, 0, 65535)),
        max_queue=int(number(environ, "MAX_QUEUE_SIZE", 100, 1, 10_000)),
        workers=int(number(environ, "ERT_DASHBOARD_WORKERS", 2, 1, 8)),
        wake_wait_s=number(environ, "ERT_DASHBOARD_WAKE_WAIT", 1800, 0, 24 * 3600),
        kept_reports=int(number(environ, "ERT_DASHBOARD_KEEP", 200, 1, 100_000)),
        kept_s=number(environ, "ERT_DASHBOARD_KEEP_DAYS", 0, 0, 36_500) * 86_400 or None,
        max_sockets=int(number(environ, "ERT_DASHBOARD_SOCKETS", 0, 0, 10_000)) or None,
        secret_key=Secret(secret_key) if secret_key else None,
        log_level=_log_level(environ),
        instance=environ.get("RENDER_INSTANCE_ID", "").strip()[:128],
        machine=read_machine(environ),
        agent=read_agent(environ, preview=_unused_preview(environ)),
        workflow=read_workflow(environ, preview=_unused_preview(environ)),
        owned=Owned(environ),
        access=read_access(environ),
        sources=read_sources(environ),
        metrics_token=_metrics_token(environ),
        daily_budget=number(environ, "ERT_DAILY_BUDGET_USD", 0, 0, 1e6) or None,
    )


def _judge(environ: Mapping[str, str]) -> tuple[Configuration, str | None, tuple[Backend, ...]]:
    wanted = truth(environ.get("REMOTE_LLM_INTEGRATION", ""))
    claimed = environ.get(FINGERPRINT, "").strip()
    matches = claimed == fingerprint_of(environ)
    if not wanted and (matches or not any(environ.get(name) for name in (*_NEEDED, BACKENDS, FINGERPRINT))):
        return Configuration.ABSENT, "no LLM backend is configured for this dashboard", ()
    # Render copies all variables of the service into the preview of a pull request.
    if _unused_preview(environ):
        return Configuration.ABSENT, _PREVIEW, ()
    problem = _disagreement(environ, claimed, matches=matches)
    if problem:
        return Configuration.TORN, f"the backend's configuration is incomplete or mixed: {problem}", ()
    backends, problem = _backends(environ)
    if not backends:
        return Configuration.TORN, f"the backend's configuration cannot be used: {problem}", ()
    return Configuration.COMPLETE, None, backends


def _unused_preview(environ: Mapping[str, str]) -> bool:
    return truth(environ.get("IS_PULL_REQUEST", "")) and environ.get("ERT_LLM_PREVIEWS") != "use"


def _disagreement(environ: Mapping[str, str], claimed: str, *, matches: bool) -> str | None:
    missing = [name for name in _NEEDED if not environ.get(name) and not environ.get(BACKENDS)]
    if missing:
        return f"{', '.join(missing)} not set"
    if not claimed:
        return f"{FINGERPRINT} not set"
    if not matches:
        return f"{FINGERPRINT} does not match the other variables"
    for name in ("OLLAMA_INTEGRATION", "OPENAI_INTEGRATION"):
        if truth(environ.get(name, "")):
            return f"REMOTE_LLM_INTEGRATION and {name} are both on"
    if not truth(environ.get("REMOTE_LLM_INTEGRATION", "")):
        return "REMOTE_LLM_INTEGRATION is not true"
    return None


def _backends(environ: Mapping[str, str]) -> tuple[tuple[Backend, ...], str]:
    """Return the backends of the list if there is one, else the one of the three variables; or none, and why."""
    total = finite(environ.get("ERT_LLM_TIMEOUT", "").strip() or str(_DEFAULT_TIMEOUT_S))
    if total is None or not 0 < total <= _LONGEST_TIMEOUT_S:
        return (), f"ERT_LLM_TIMEOUT is not a number of seconds between 0 and {_LONGEST_TIMEOUT_S:.0f}"
    if environ.get(BACKENDS):
        return read_backends(environ[BACKENDS], total), ""
    url = read_origin(environ["ERT_LLM_BACKEND_URL"].strip())
    if url is None:
        return (), "ERT_LLM_BACKEND_URL is not of the form https://host:port"
    key = environ["ERT_LLM_API_KEY"]
    if not is_key(key):
        return (), "ERT_LLM_API_KEY holds characters a header cannot carry, or has a strange length"
    pem = environ["ERT_LLM_CA_CERT"]
    if not loads(pem):
        return (), "ERT_LLM_CA_CERT is not a PEM certificate"
    return (Backend(url=url, key=Secret(key), ca_pem=pem, total_s=total),), ""


def _metrics_token(environ: Mapping[str, str]) -> Secret | None:
    token = environ.get("ERT_METRICS_TOKEN", "").strip()
    if token and not _TOKEN_SHAPE.fullmatch(token):
        raise BadSetting("ERT_METRICS_TOKEN must be 16 to 512 visible characters")
    return Secret(token) if token else None


def _log_level(environ: Mapping[str, str]) -> str:
    level = environ.get("ERT_LOG_LEVEL", "").strip().upper() or "INFO"
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise BadSetting("ERT_LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return level
