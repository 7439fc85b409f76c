"""Where each instance of ours stands: which one to keep, and which have to go.

Telling an app about an instance is what makes it precious: requests may be under way to it, so it is not destroyed
merely because we cannot reach it, and never before another one serves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.observed import Instance, Observed, Vital, Watch
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.stamps import timed
from ert_deploy.core.model.state import LONG_AGO, Record
from ert_deploy.core.model.text import per_hour
from ert_deploy.core.planning.app_env import Targets, connected
from ert_deploy.core.planning.health import Candidate, Stage, Verdict, complaint, judge
from ert_deploy.core.planning.key_acceptance import takes

KeyOf: TypeAlias = Callable[[Instance], Secret | None]  # the key to go on with at an instance, if its text is known
USABLE = (Stage.READY, Stage.BOOTING, Stage.ASLEEP)  # the earlier the better
PRICE_TOLERANCE = 1.01  # rounding between the search price and the contract


@quick_dataclass
class Standing:
    """`current` is the one to keep, `failed` have to go now, `others` are neither; each with its verdict."""

    current: Candidate | None
    others: tuple[Candidate, ...]
    failed: tuple[Candidate, ...]
    verdicts: dict[int, Verdict]


def candidate(instance: Instance, observed: Observed, targets: Targets, key_of: KeyOf) -> Candidate:
    """The instance with all that is known about it."""
    record = observed.state.record(instance.id)
    pointed = pointed_at(instance, targets)
    told = pointed or (record is not None and record.published) or runs_with(instance, observed, targets, key_of)
    watch = observed.watches.get(instance.id, Watch("", observed.now))
    return Candidate(instance, observed.health.get(instance.id), watch, _in_our_time(record, observed), told, pointed)


def place(desired: Desired, observed: Observed, found: tuple[Candidate, ...]) -> Standing:
    """Every candidate in its place."""
    verdicts = {c.instance.id: _judge(desired, observed, c) for c in found}
    failed = tuple(c for c in found if verdicts[c.instance.id].stage is Stage.FAILED)
    usable = [c for c in found if verdicts[c.instance.id].stage in USABLE]
    current = _current(desired, observed, usable, verdicts)
    others = tuple(c for c in found if c not in failed and c is not current)
    return Standing(current, others, failed, verdicts)


def fits(desired: Desired, candidate: Candidate) -> bool:
    """Whether it is what the config asks for, at its price."""
    return not unfit(desired, candidate)


def unfit(desired: Desired, candidate: Candidate) -> str:
    """Why another one has to take its place; empty when it fits."""
    instance = candidate.instance
    if instance.spec != desired.launch.spec():
        return "it runs with another image, model, disk, context or guard than in the config"
    if (excess := over_cap(desired, instance)) > 0:
        return f"{_too_dear(desired, instance)}: ${excess:.4f}/h too much"
    return ""


def over_cap(desired: Desired, instance: Instance) -> float:
    """$/h that its contract costs above the cap, 0 within rounding; NaN when the price is not known."""
    cap = desired.criteria.max_dph
    return 0.0 if instance.dph <= cap * PRICE_TOLERANCE else instance.dph - cap


def pointed_at(instance: Instance, targets: Targets) -> bool:
    """Whether some app's environment holds its address, whatever the state remembers of it."""
    if instance.address is None:
        return False
    url = Secret(instance.address.url())
    return any(p.env.get(t.names.url) == url for t, p in targets)


def runs_with(instance: Instance, observed: Observed, targets: Targets, key_of: KeyOf) -> bool:
    """Whether some running app shows the fingerprint of a configuration with it, whatever its environment holds now.

    Values that were put back after a deploy are not taken up by the process that runs.
    """
    health = observed.health.get(instance.id)
    if instance.address is None or health is None or health.certificate is None:
        return False
    key = key_of(instance)
    if key is None:
        # Its key was taken out of the environment, by a `down` that was cut off before its deploy: nobody knows.
        return _may_run_with(instance, observed, targets)
    shown = ((t, p.live_fingerprint) for t, p in targets if p.live_fingerprint)
    url, pem = instance.address.url(), health.certificate
    return any(connected(t, url, key, pem)[t.names.fingerprint].reveal() == mark for t, mark in shown)


def _may_run_with(instance: Instance, observed: Observed, targets: Targets) -> bool:
    """Whether some running app shows a configuration that its environment does not hold any more, and may be of it.

    Not when the app's newest deploy is older than the instance. One that was published and has no pinned certificate
    is older than its record, which was lost.
    """
    record = observed.state.record(instance.id)
    for target, publication in targets:
        held, shown = publication.env.get(target.names.fingerprint), publication.live_fingerprint
        if shown is None or (held is not None and held.reveal() == shown):
            continue
        rollout = observed.state.rollout(publication.service_id)
        if rollout is None or record is None or (record.published and not record.certificate):
            return True
        if min(record.at, rollout.at) < 0 or record.at <= rollout.at:
            return True
    return False


def usable_by_an_app(instance: Instance, observed: Observed, targets: Targets) -> bool:
    """Whether some app's environment holds its address together with a key that it takes.

    Two runs that wrote at once can leave the address of one backend beside the key of another; all it answers is 401.
    One whose row shows no environment any more may take any key.
    """
    if instance.address is None:
        return False
    url = Secret(instance.address.url())
    held = (p.env.get(t.names.key) for t, p in targets if p.env.get(t.names.url) == url)
    taken = takes(instance, observed.state.record(instance.id))
    return any(key is not None and (not taken or key.sha256() in taken) for key in held)


def _in_our_time(record: Record | None, observed: Observed) -> Record | None:
    """The record with its times as they are by this run's own clock, so that ages can be told from them."""
    if record is None:
        return None
    at, woken, stranded = (
        observed.now - observed.age(record.token, at) if abs(at) > LONG_AGO else at
        for at in (record.at, record.woken, record.stranded)
    )
    return timed(record, at, woken, stranded)


def _judge(desired: Desired, observed: Observed, candidate: Candidate) -> Verdict:
    """The verdict, with the price checked again on the contract we really got.

    What an app was told about is not given up for its price: it serves until another one does. Nor is anything on the
    way to sleep, where only its disk is paid from now on and nobody may know what the apps were told.
    """
    if desired.phase is Phase.RUNNING and over_cap(desired, candidate.instance) and not candidate.told:
        return Verdict(Stage.FAILED, _too_dear(desired, candidate.instance))
    verdict = judge(candidate, desired.timings, observed.now)
    if candidate.instance.halted and candidate.instance.id in observed.stopped and verdict.stage is not Stage.STRANDED:
        return Verdict(Stage.ASLEEP, "this run has stopped it")
    if verdict.stage is Stage.FAILED and candidate.told and _may_serve(candidate):
        return replace(verdict, stage=Stage.LOST)
    return verdict


def _too_dear(desired: Desired, instance: Instance) -> str:
    return f"it costs {per_hour(instance.dph)}, the cap is ${desired.criteria.max_dph:g}/h (offer/max_dph)"


def _may_serve(candidate: Candidate) -> bool:
    """Whether all we know is that we cannot reach it, or that a start that was given up came: the app may use it."""
    instance, health = candidate.instance, candidate.health
    cut_off = health is None or health.vital in (Vital.UNREACHABLE, Vital.IMPOSTOR)
    coming = candidate.record is not None and bool(candidate.record.stranded) and not complaint(instance, health)
    return coming or (cut_off and instance.status == "running" and instance.current != "stopped")


def _current(
    desired: Desired, observed: Observed, usable: list[Candidate], verdicts: dict[int, Verdict]
) -> Candidate | None:
    """The one to keep: ready, else booting, else asleep; the one an app points at, told before new, oldest first.

    When all slots are taken and none of them fits, the move that was under way is finished first; one that is lost
    holds its slot, so the old backend serves every app until there is room. What nothing can replace goes on serving.
    """
    ranked = sorted(
        usable,
        key=lambda c: (USABLE.index(verdicts[c.instance.id].stage), not c.pointed, not c.told, c.instance.id),
    )
    fitting = [c for c in ranked if fits(desired, c)]
    held = sum(verdict.stage is not Stage.FAILED for verdict in verdicts.values())
    up = [c for c in ranked if verdicts[c.instance.id].stage is not Stage.ASLEEP]
    if not fitting and held >= desired.slots and len(up) == len(ranked) and all(c.told for c in ranked):
        fitting = up
    elif not fitting and observed.unreplaceable:
        fitting = [c for c in up if c.told and verdicts[c.instance.id].stage is Stage.READY]
    return fitting[0] if fitting else None
