"""Dashboard settings: parses the environment variables into one immutable `Settings`.

The variables that the deployer owns are judged in `base.owned`, one set for each replica. This module opens no
connections.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ert_dashboard.auth.access import Access, read_access
from ert_dashboard.base import redaction
from ert_dashboard.base.agent import Agent, read_agent
from ert_dashboard.base.backends import BACKENDS, Backend
from ert_dashboard.base.env import BadSetting, number
from ert_dashboard.base.machine import Machine, read_machine
from ert_dashboard.base.owned import LAST, OWNED, Configuration, fingerprint_of, read_sets, unused_preview
from ert_dashboard.base.secret import Secret
from ert_dashboard.base.shared import Role, read_shared, truth
from ert_dashboard.base.workflow import Workflow, read_workflow
from ert_dashboard.market.sources import Sources, read_sources

_TOKEN_SHAPE = re.compile(r"[\x21-\x7e]{16,512}")


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
    """Settings of the app. There are `backends` if and only if `configuration` is complete.

    `fingerprint` is that of the first set of the deployer's variables, `numbered` has those of the further ones by
    their numbers, and `left_out` a line for each set that cannot be used while another one is.
    """

    configuration: Configuration
    problem: str | None
    fingerprint: str | None
    backends: tuple[Backend, ...]
    database: Path | None
    numbered: Mapping[int, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
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


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Parse `environ`. Invalid owned variables make their set torn; raise `BadSetting` for other settings."""
    redaction.HELD.hold_named(environ)
    redaction.hold(environ.get(BACKENDS, ""))
    redaction.hold(*(environ.get(f"ERT_LLM_API_KEY_{at}", "") for at in range(2, LAST + 1)))
    sets = read_sets(environ)
    database = environ.get("ERT_DASHBOARD_DB", "").strip()
    shared = read_shared(environ)
    secret_key = environ.get("ERT_SECRET_KEY") or environ.get("SECRET_KEY")
    return Settings(
        configuration=sets.configuration,
        problem=sets.problem,
        fingerprint=sets.each[0].fingerprint,
        backends=sets.backends,
        numbered=sets.numbered,
        left_out=sets.left_out,
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
        agent=read_agent(environ, preview=unused_preview(environ)),
        workflow=read_workflow(environ, preview=unused_preview(environ)),
        owned=Owned(environ),
        access=read_access(environ),
        sources=read_sources(environ),
        metrics_token=_metrics_token(environ),
        daily_budget=number(environ, "ERT_DAILY_BUDGET_USD", 0, 0, 1e6) or None,
    )


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
