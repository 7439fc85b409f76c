"""`slo`: whether the success criteria were met, by what a Prometheus server has of the dashboard."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ert_deploy.core import redaction
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.objectives.objective import DAYS, OBJECTIVES, Result, Verdict, judge, overall

TOKEN = "ERT_PROMETHEUS_TOKEN"  # noqa: S105 - the name of the variable
JOB = "ert"  # as in configs/monitoring/prometheus.yml


@dataclass(frozen=True, slots=True)
class Slo:
    """The objectives over `days`, read from `source`; `covered` is the share of the hours with data."""

    source: str
    days: float
    covered: float
    results: tuple[Result, ...]

    @property
    def verdict(self) -> Verdict:
        """The verdict on all of them."""
        return overall(self.results)


def slo(url: str, *, days: float = DAYS, job: str = JOB) -> Slo:
    """Read the objectives of the last `days` from the Prometheus server at `url`, for one scrape job.

    A token in ERT_PROMETHEUS_TOKEN is sent to an https address or to this machine only. Raises UsageError for an
    address or a job that cannot be one, CannotObserve if the server cannot be read.
    """
    from ert_deploy.adapters.prometheus import Prometheus

    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", job):
        raise UsageError("that is not the name of a scrape job", hint=f"{JOB} in configs/monitoring/prometheus.yml")
    token = os.environ.get(TOKEN, "").strip()
    redaction.hold(token)
    server = Prometheus(_address(url, keyed=bool(token)), job, Secret(token) if token else None)
    covered = server.covered(days)
    measured = {one.name: server.measure(one.name, days) for one in OBJECTIVES}
    return Slo(server.url, days, covered, judge(measured, covered))


def _address(url: str, *, keyed: bool) -> str:
    """Return the address without a slash at its end. Raises UsageError; its text has no part of a password."""
    from ert_deploy.adapters.bounded_http import is_loopback

    hint = "such as http://127.0.0.1:9090"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError("that is not the address of a Prometheus server", hint=hint) from None
    if "@" in parts.netloc:
        raise UsageError("the address holds a login, which others can read", hint=f"put a bearer token into {TOKEN}")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError("that is not the address of a Prometheus server", hint=hint)
    if keyed and parts.scheme != "https" and not is_loopback(url):
        raise UsageError(f"the token in {TOKEN} would be sent over plain http", hint="use https, or unset it")
    return url.rstrip("/")
