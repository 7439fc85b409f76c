"""Facts for tests of the verdict: a deployment that serves, and short ways to make it fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.machine.figures import Card, Figures, LastReport
from ert_deploy.core.model.observed import Health, Instance, OffSwitch, Publication, Vital
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import connected, withdrawn
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Asleep, Credit, Facts
from ert_deploy.core.verdict.links import Link, Missing
from tests.support.fakes.loopback import certificate
from tests.support.ids import nth
from tests.support.situations import DASH, KEY, UP, app, instance, record, rollout, seen, stopped, url

SEVEN = nth(7)
RICH = Credit(25.0, "add credit")
PEM = certificate("seven")
WELL = Health(Vital.HEALTHY, certificate=PEM, model="gpt-oss:20b", engine="ollama 0.35.0", off_switch=OffSwitch.PROVEN)
CARD = Card("RTX 4090", 24576.0, 13312.0, 97.0)
BUSY = Figures(
    idle=60.0, idle_stop=1200.0, claimed=True, draining=False, restarts=0, model_bytes=13_800_000_000,
    gpu_bytes=13_800_000_000, cards=(CARD,), waiting=0, active=0, written=3, failed=0, last=LastReport(True, "", 90.0),
)  # fmt: skip
ENV = connected(DASH, url(7), KEY, PEM)


def env(target: Target = DASH, key: Secret = KEY, at: str = "", pem: str = PEM) -> Mapping[str, Secret]:
    """Return the variables of an app that uses instance 7."""
    return connected(target, at or url(7), key, pem)


def serving(
    *instances: Instance,
    health: Health | None = WELL,
    figures: Figures | Missing = BUSY,
    asleep: Asleep | Missing | None = None,
    credit: Credit | Missing = RICH,
    apps: tuple[Publication, ...] | None = None,
    desired: Any = UP,
    pinned: bool = True,
    **more: Any,
) -> Facts:
    """Return the facts of instance 7, which serves one app changed by `more` of `seen` and of `Facts`."""
    found = instances or (instance(7, status="running"),)
    of_facts = {name: more.pop(name) for name in ("unread", "answers", "whole", "processes") if name in more}
    known = replace(record(7, published=True), certificate=PEM if pinned else "")
    here = (app(ENV),) if apps is None else apps
    records = more.pop("records", (known,))
    observed = seen(*found, health=(health,), apps=here, records=records, rollouts=(rollout(ENV, 1.0),), **more)
    words: dict[InstanceId, Asleep | Missing] = {} if asleep is None else {SEVEN: asleep}
    told: dict[InstanceId, Figures | Missing] = {} if found[0].halted else {SEVEN: figures}
    return Facts(desired, credit, Situation(desired, observed), here, figures=told, asleep=words, **of_facts)


def sleeping(asleep: Asleep | Missing | None, **more: Any) -> Facts:
    """Return the facts of instance 7 when it is stopped."""
    return serving(stopped(7, disk_dph=0.002), health=None, asleep=asleep, **more)


def empty(**more: Any) -> Facts:
    """Return the facts after `down`."""
    more = {"apps": (app(withdrawn(DASH)),), "records": (), **more}
    facts = serving(**more)
    assert isinstance(facts.situation, Situation)
    bare = replace(facts.situation.observed, instances=())
    return replace(facts, situation=Situation(facts.desired, bare))


def brief(link: Link) -> str:
    """Return a link in one line."""
    return f"{link.level} {link.name} {link.subject}: {link.seen} (wanted: {link.wanted}) {link.why}".rstrip()
