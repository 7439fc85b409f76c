"""Check of the apps' health endpoints before `Rent`: do they report their configuration, and keep their data?

Only a deployed app is checked. No response and server errors are inconclusive: a free service may be idle, and an app
may be starting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.observed import DeployKind
from ert_deploy.core.model.provider import Platform
from ert_deploy.core.model.text import printable
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.ports import AppAnswer, AppProbe, WebHost, WebService

MOVED = range(300, 400)
KEPT_OUT = frozenset({401, 403})
MISSING = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of a service to report. `stops`: it has to be fixed before anything is rented."""

    what: str
    hint: str
    stops: bool = True


def app_findings(target: Target, service: WebService, host: Platform) -> Effects[tuple[Finding, ...]]:
    """Return why the app cannot report its configuration, or what it would lose, with hints; empty if nothing."""
    if not service.url and target.address is None:
        return (
            Finding(
                f"{service.name} is a worker, which has no address to show its configuration at",
                f"write address: https://ITS-WEB-SERVICE and health_path: /health/worker under {target.service} in "
                f"{host.services}, where a web service shows what the workers run with",
            ),
        )
    if service.unreachable and target.address is None:
        return (
            Finding(
                f"{service.name} does not respond at {service.url}: that address of {host.name} is disabled",
                f"write address: https://YOUR-DOMAIN under {target.service} in {host.services}, or enable it there",
            ),
        )
    url = target.reached_at(service.url) + target.health_path
    answer = yield from ask(AppProbe.answer, target.reached_at(service.url), target)
    found = _judged(target, service, url, answer, host.services)
    if found is None:
        return tuple(_kept(service, answer))
    newest = yield from ask(WebHost.newest_deploy, service.id)
    return (found,) if newest is not None and newest.kind is DeployKind.LIVE else ()


def _kept(service: WebService, answer: AppAnswer) -> Iterator[Finding]:
    if answer.alone and service.instances > 1:
        yield Finding(
            f"{service.name} runs as {service.instances} instances, each with reports and logins of its own",
            "set DATABASE_URL and REDIS_URL for the service, or scale it to one instance",
        )
    if answer.forgets:
        yield Finding(
            f"a deploy of {service.name} forgets the {answer.forgets} report(s) that it keeps in its own file system",
            "create a PostgreSQL database in its region, and set DATABASE_URL for the service",
            stops=False,
        )


def _host(url: str) -> str:
    """Return host and port of an absolute URL; empty for a path."""
    return url.partition("://")[2].partition("/")[0]


def _judged(target: Target, service: WebService, url: str, answer: AppAnswer, services: str) -> Finding | None:
    where = f"under {target.service} in {services}"
    if answer.status in MOVED:
        location = printable(answer.location or "nowhere", 200)
        host = _host(answer.location)
        elsewhere = bool(host) and host != _host(url)
        return Finding(
            f"{service.name} returns {answer.status} at {url}, a redirect to {location}",
            f"write address: https://{printable(host, 100)} {where}"
            if elsewhere
            else f"{target.health_path} has to respond directly: exempt it from redirects and login",
        )
    if answer.status in KEPT_OUT:
        return Finding(
            f"{service.name} returns {answer.status} at {url}: it requires a login",
            f"let {target.health_path} through the login, allow list or firewall, or set health_path {where}",
        )
    if answer.status in MISSING:
        return Finding(
            f"{service.name} returns {answer.status} at {url}: it does not exist",
            f"set health_path {where} to a path that returns JSON, or address to the app's address",
        )
    return None
