"""Causes in the deploys of the apps: one that failed, and one that does not end."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.diagnosis.cause import Cause, Rank
from ert_deploy.core.diagnosis.evidence import Deploy, Evidence
from ert_deploy.core.model.observed import DeployKind
from ert_deploy.core.verdict.links import Level, Link, Name

STUCK = 900.0  # s for which a failing health check holds a deploy (render.com/docs/health-checks)


def of_deploys(evidence: Evidence, links: tuple[Link, ...]) -> Iterator[Cause]:
    """Yield a cause for each app whose newest deploy failed or hangs. One in its first minutes is no trouble."""
    bad = {link.subject for link in links if link.level is Level.BAD and link.name in (Name.APP, Name.APP_CONFIG)}
    for name, newest in evidence.deploys.items():
        if newest.deploy.kind is DeployKind.FAILED and (name in bad or newest.reason):
            yield _failed(name, newest)
        if newest.deploy.kind is DeployKind.IN_FLIGHT and newest.age >= STUCK:
            yield Cause(
                "deploy-stuck",
                Rank.DEPLOY,
                f"deploy {newest.deploy.id} of {name} is {newest.deploy.status} for {newest.age / 60:.0f} min",
                "it holds every deploy after it; the old version serves",
                "read its log at the web host, cancel it there, then `ert-deploy up`",
                explains=frozenset({f"{Name.APP} {name}", f"{Name.APP_CONFIG} {name}"}),
            )


def not_yet(evidence: Evidence, link: Link) -> bool:
    """Whether the app may only be slow: its deploy runs, or its host has stopped it while nobody used it."""
    newest = evidence.deploys.get(link.subject)
    if newest is None:
        return False
    starting = newest.deploy.kind is DeployKind.IN_FLIGHT and newest.age < STUCK
    return starting or (newest.sleeps and not link.seen.startswith("fingerprint"))


def replaced(evidence: Evidence, link: Link) -> bool:
    """Whether a deploy replaces this instance now."""
    newest = evidence.deploys.get(link.subject.partition(" ")[0])
    return newest is not None and newest.deploy.kind is DeployKind.IN_FLIGHT and newest.age < STUCK


def _failed(name: str, newest: Deploy) -> Cause:
    return Cause(
        "deploy-failed",
        Rank.DEPLOY,
        f"the last deploy of {name} ({newest.deploy.id}) ended as {newest.deploy.status}: {_first(newest.reason)}",
        "the version before it serves, with the variables of then",
        "remove the reason (RUNBOOK.md, The deploy failed), then `ert-deploy up`",
        explains=frozenset({f"{Name.APP} {name}"}),
        detail=newest.reason,
    )


def _first(text: str) -> str:
    return next(iter(text.splitlines()), "") or "no reason was given"
