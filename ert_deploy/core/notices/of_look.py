"""Notices of a look at a deployment: the conditions that a person has to know of, from its facts and links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ert_deploy.core.model.observed import Vital
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.text import per_hour, span
from ert_deploy.core.notices.notice import Findings, Kind, Notice
from ert_deploy.core.notices.of_run import of_strays
from ert_deploy.core.planning.changes.fitness import repriced
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.links import Level, Link, Missing, Name

SOON = 24 * 3600.0  # seconds before the end of a contract from which it is announced
CREDIT = "credit"
UNRECORDED = "the state does not have it"
LOST = {
    Asleep.OUTBID: "a higher bid has its GPU",
    Asleep.TAKEN: "it is rented to another tenant",
}
BACKEND = (Name.CONTAINER, Name.IDENTITY, Name.ENGINE, Name.ENDPOINT, Name.KEY, Name.MODEL)
APPS = (Name.APP_CONFIG, Name.APP, Name.PROCESS)
BY_LIST = (Kind.SLEEP, Kind.OUTBID, Kind.ORPHAN, Kind.CONTRACT_END, Kind.OFF_SWITCH)


def of_look(facts: Facts, links: Iterable[Link]) -> Findings:
    """Return the conditions of now. What could not be read is neither said to last nor to be over."""
    found = tuple(links)
    return Findings(tuple(_notices(facts, found)), tuple(_over(facts)))


def _over(facts: Facts) -> Iterator[str]:
    if not isinstance(facts.credit, Missing):
        yield f"{Kind.BUDGET}/{CREDIT}"
    if isinstance(facts.situation, Missing):
        return
    yield from (f"{kind}/" for kind in BY_LIST)
    # A stopped machine lists the price of its disk: whether that of its GPU is still higher is not known.
    yield from (f"{Kind.PRICE}/{instance.id}/" for instance in facts.situation.ours if not instance.halted)
    if not facts.unread:
        yield f"{Kind.UNHEALTHY}/"


def _notices(facts: Facts, links: tuple[Link, ...]) -> Iterator[Notice]:
    for link in links:
        if link.name is Name.ACCOUNT and link.level is Level.BAD:
            yield Notice(Kind.BUDGET, f"credit is {link.seen}: {link.why}", CREDIT)
        elif link.name is Name.STRAY:
            yield Notice(Kind.ORPHAN, f"instance {link.subject} may bill: {link.why}", link.subject)
        elif link.name is Name.GUARD and link.degrades and _serves(facts):
            yield Notice(Kind.OFF_SWITCH, f"instance {link.subject}: {link.why}", link.subject)
        elif _unhealthy(link):
            text = f"{link.name} {link.subject}: {link.seen}; {link.why}"
            yield Notice(Kind.UNHEALTHY, text, f"{link.name}/{link.subject}")
    yield from _asleep(facts)
    if isinstance(facts.situation, Situation):
        yield from of_strays(_unrecorded(facts.situation))
        yield from _ends(facts.situation)
        yield from _rises(facts.situation)


def _unrecorded(situation: Situation) -> Iterator[tuple[InstanceId, str]]:
    """Yield the instances of the deployment that its state does not have, but for those of a create under way."""
    asked = {intent.token for intent in situation.observed.state.intents}
    for candidate in situation.candidates:
        mark = candidate.instance.mark
        if candidate.record is None and (mark is None or mark.token not in asked):
            yield candidate.instance.id, UNRECORDED


def _serves(facts: Facts) -> bool:
    """Whether the machine is healthy: one that boots cannot have confirmed its switch yet."""
    health = facts.main.health if facts.main is not None else None
    return health is not None and health.vital is Vital.HEALTHY


def _unhealthy(link: Link) -> bool:
    silent = link.name is Name.APP and link.degrades
    return silent or (link.level is Level.BAD and link.name in (*BACKEND, *APPS))


def _asleep(facts: Facts) -> Iterator[Notice]:
    instance = facts.instance
    if instance is None or not instance.stopped:
        return
    reason = facts.asleep.get(instance.id)
    if isinstance(reason, Asleep) and reason in LOST:
        yield Notice(Kind.OUTBID, f"instance {instance.id} is stopped: {LOST[reason]}", instance.id)
        return
    known = f" ({reason})" if isinstance(reason, Asleep) else ""
    yield Notice(Kind.SLEEP, f"instance {instance.id} is stopped{known}", instance.id)


def _ends(situation: Situation) -> Iterator[Notice]:
    now = situation.observed.provider_now or situation.observed.now
    for instance in situation.ours:
        left = instance.ends - now if instance.ends is not None else SOON
        if left < SOON:
            when = f"ends in {span(left)}" if left > 0 else "is over"
            yield Notice(Kind.CONTRACT_END, f"the contract of instance {instance.id} {when}", instance.id)


def _rises(situation: Situation) -> Iterator[Notice]:
    """Yield the machines that cost more than when they were rented; a further rise is one more notice."""
    for instance in situation.ours:
        moved = repriced(instance)
        if moved.startswith("rose"):
            text = f"instance {instance.id} costs {per_hour(instance.dph)}: its price {moved}"
            yield Notice(Kind.PRICE, text, f"{instance.id}/{instance.dph:.2f}")
