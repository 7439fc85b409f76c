"""Causes of bad links: each link of the verdict that is bad, with what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ert_deploy.core.diagnosis.cause import Cause, Repair
from ert_deploy.core.diagnosis.deploys import not_yet, replaced
from ert_deploy.core.diagnosis.evidence import Evidence
from ert_deploy.core.diagnosis.server import DIFFERS, PARTS
from ert_deploy.core.model.observed import Power, Vital
from ert_deploy.core.verdict.contract import NOTHING
from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.links import Level, Link, Missing, Name

RANKS = {
    Name.STATE: 205, Name.STRAY: 210, Name.ACCOUNT: 220, Name.CONTRACT: 300, Name.CONTAINER: 400, Name.IDENTITY: 420,
    Name.GUARD: 440, Name.ENGINE: 460, Name.MODEL: 470, Name.APP_CONFIG: 610, Name.APP: 620, Name.PROCESS: 630,
    Name.REPORT: 700,
}  # fmt: skip
MOVED = (Name.CONTRACT, Name.APP_CONFIG, Name.APP)  # what a run changes until it is done
INSIDE = (Name.CONTAINER, Name.IDENTITY, Name.GUARD, Name.ENGINE, Name.MODEL, Name.REPORT)
WHY = {
    Name.ACCOUNT: "at $0 the provider stops every machine of the account",
    Name.STATE: "nothing is rented with it, and what it records is of another project",
    Name.CONTRACT: "it bills, or is missing, other than the config wants",
    Name.CONTAINER: "without its container nothing is at its address",
    Name.IDENTITY: "no key and no request is sent to what cannot prove that it is the rented container",
    Name.GUARD: "a machine that cannot stop itself bills until a user stops it",
    Name.ENGINE: "reports fail or wait while it is like this",
    Name.MODEL: "reports are slow, or written by another model",
    Name.APP_CONFIG: "the app cannot use the backend; no machine has to be rented for this",
    Name.APP: "the process that runs does not use its variables",
    Name.PROCESS: "a user who meets this instance gets what it was configured for before",
    Name.REPORT: "all parts look well, and the last report failed all the same",
    Name.STRAY: "it may bill, and nothing is rented before it is decided",
}
FIX = {
    Name.STATE: "give this config a deployment name or a state of its own, or its owner again: see RUNBOOK.md",
    Name.CONTRACT: "`ert-deploy up`; `ert-deploy plan` lists the steps before",
    Name.CONTAINER: "`ert-deploy logs`, then `ert-deploy up`: it rents another machine and destroys this one",
    Name.IDENTITY: "`ert-deploy up`: it moves the app to another machine and destroys this one",
    Name.GUARD: "`ert-deploy sleep` or `ert-deploy down` stops it from here; then `ert-deploy up`",
    Name.ENGINE: "`ert-deploy logs` has those of the engine; `ert-deploy up` replaces the machine if it stays so",
    Name.MODEL: "compare launch/model and launch/context with the card, then `ert-deploy up`",
    Name.APP_CONFIG: "`ert-deploy up` writes them and deploys",
    Name.APP: "`ert-deploy up` deploys it; the host's own log has the reason of a failure",
    Name.PROCESS: "`ert-deploy up` deploys, which replaces every instance; or restart it at the web host",
    Name.REPORT: "`ert-deploy logs`",
}


def of_links(evidence: Evidence, links: tuple[Link, ...]) -> Iterator[Cause]:
    """Yield a cause for each bad link, and for what is unknown where a served backend is lost."""
    facts = evidence.facts
    if facts is None:
        return
    for link in links:
        if facts.server is not None and link.name in PARTS:
            continue
        if (link.level is Level.BAD or _silent(link)) and not _under_way(evidence, facts, link):
            yield _cause(facts, link)
    yield from _lost(facts, links)
    yield from _never_there(facts, links)


def _silent(link: Link) -> bool:
    """Whether it is an app that does not respond at all."""
    return link.name is Name.APP and link.needed and link.seen == "no response"


def _under_way(evidence: Evidence, facts: Facts, link: Link) -> bool:
    """Whether something works on it already: a deploy, a run that holds the lock, or the first boot of a machine."""
    if link.name is Name.APP and not_yet(evidence, link):
        return True
    if link.name is Name.PROCESS:
        return evidence.at_work or replaced(evidence, link)
    if link.name not in MOVED:
        return False
    nothing = facts.main is None and not facts.on_a_server and not isinstance(facts.situation, Missing)
    if nothing and link.name is Name.APP_CONFIG and not _has_url(facts, link.subject):
        return True  # only marked, by a run that has not rented yet or that failed
    if nothing and link.name is Name.CONTRACT and link.seen == NOTHING:
        return True  # its reason is that of the last run
    record = facts.main.record if facts.main is not None else None
    booting = facts.main is not None and (record is None or not record.certificate) and link.seen != "suspended"
    unused = link.name is Name.APP_CONFIG or (link.name is Name.APP and not _has_url(facts, link.subject))
    return (booting and unused) or evidence.at_work


def _has_url(facts: Facts, name: str) -> bool:
    names = {target.service: target.names for target in facts.desired.targets}
    return any(app.name == name and names[app.target].url in app.env for app in facts.publications)


def _cause(facts: Facts, link: Link) -> Cause:
    special = _special(facts, link)
    if special is not None:
        return special
    return _made(link, str(link.name).replace(" ", "-"), WHY[link.name], FIX.get(link.name, link.why))


def _made(link: Link, code: str, why: str, fix: str, explains: frozenset[str] | None = None) -> Cause:
    told = f"{link.name} {link.subject}".rstrip()
    repair = Repair.WRITE if link.name is Name.APP_CONFIG and link.seen != "suspended" else Repair.NONE
    return Cause(
        code,
        RANKS[link.name],
        f"{told}: {link.seen}" + (f" ({link.why})" if link.why else ""),
        why,
        fix,
        of=told,
        explains=_follows(link) if explains is None else explains,
        repair=repair,
    )


def _follows(link: Link) -> frozenset[str]:
    """Return the parts that are bad because this one is."""
    subject = link.subject
    match link.name:
        case Name.CONTAINER | Name.IDENTITY | Name.ENGINE:
            after = INSIDE[INSIDE.index(link.name) + 1 :]
            return frozenset(f"{name} {subject}" for name in after)
        case Name.MODEL:
            return frozenset({f"{Name.REPORT} {subject}"})
        case Name.APP_CONFIG:
            return frozenset({f"{Name.APP} {subject}", f"{Name.PROCESS} {subject}"})
        case Name.APP:
            return frozenset({f"{Name.PROCESS} {subject}"})
        case _:
            return frozenset()


def _special(facts: Facts, link: Link) -> Cause | None:
    """Return the cause of a bad link that has a text, a fix or consequences of its own."""
    found = facts.main
    match link.name:
        case Name.ACCOUNT:
            gone = "no credit" if _broke(facts) else "little credit"
            parts = (
                frozenset(f"{name} {_number(facts)}" for name in (Name.CONTRACT, *INSIDE)) if _broke(facts) else None
            )
            fix = f"{_top_up(facts)}, then `ert-deploy wake`"
            return _made(link, gone.replace(" ", "-"), WHY[link.name], fix, parts)
        case Name.CONTRACT if found is not None and facts.asleep.get(found.instance.id) is Asleep.OUTBID:
            why = "its GPU is rented to a higher bid; its disk still bills"
            fix = (
                "`ert-deploy wake` rents another one; launch/bid: auto, or market: on-demand, keeps the next one longer"
            )
            return _made(link, "outbid", why, fix)
        case Name.CONTRACT if link.seen == "not listed any more":
            parts = frozenset(f"{Name.APP_CONFIG} {p.name}" for p in facts.publications)
            why = "it was destroyed from outside, by its guard, its host or at the console; the app points at nothing"
            return _made(link, "lost", why, FIX[Name.CONTRACT], parts)
        case Name.IDENTITY if (
            found is not None and found.health is not None and found.health.vital is Vital.UNREACHABLE
        ):
            where = found.instance.address.url() if found.instance.address is not None else "its address"
            why = f"the container runs, and nothing responds at {where}: its port is closed, or its network is cut"
            return _made(link, "port-closed", why, FIX[Name.IDENTITY])
        case Name.STRAY:
            fix = f"`ert-deploy adopt|ignore|destroy {link.subject}`: see RUNBOOK.md"
            return _made(link, "stray", WHY[link.name], fix)
        case Name.PROCESS:
            one = _made(link, "app-process", WHY[link.name], FIX[link.name])
            return replace(one, of=f"{link.name} {link.subject.partition(' ')[0]}")  # it follows from its app
        case Name.APP_CONFIG if link.seen == "suspended":
            why = "no variable reaches a service that is stopped"
            stopped = _made(link, "suspended", why, "resume it at the web host")
            return replace(stopped, of=f"service {link.subject}")  # no loss of a machine explains it
        case Name.APP_CONFIG if facts.server is not None and link.seen.startswith(DIFFERS):
            why = "the app uses what its variables name, and that is not the server of the config as it is written now"
            return _made(link, "app-config", why, FIX[link.name])
        case Name.APP_CONFIG if "key" in link.seen or "key" in link.why.partition(":")[0]:
            rented = facts.server is None
            why = "; the machine is well, and none has to be rented" if rented else ""
            fix = " (or `ert-deploy key rotate`)" if rented else ""
            return _made(
                link,
                "app-key",
                f"its requests get 401, or will after its next deploy{why}",
                f"`ert-deploy up` gives the app its key again{fix}",
            )
        case _:
            return None


def _lost(facts: Facts, links: tuple[Link, ...]) -> Iterator[Cause]:
    """Yield the causes of a container that served and that is out of sight."""
    found = facts.main
    if found is None or found.record is None or not found.record.certificate or facts.sleeps:
        return
    link = next(one for one in links if one.name is Name.CONTAINER)
    silent = found.health is None or found.health.vital is Vital.UNREACHABLE
    if link.level is not Level.UNKNOWN or not silent:
        return
    if found.instance.power is Power.UNKNOWN:
        why = "its host has gone offline, or the provider cannot see it; what it was doing is lost"
        yield _made(link, "host-offline", why, FIX[Name.IDENTITY])
    elif found.instance.power is Power.RUNNING:
        yield _made(
            link, "no-port", "the provider gave it no public port, so that nothing reaches it", FIX[Name.IDENTITY]
        )


def _never_there(facts: Facts, links: tuple[Link, ...]) -> Iterator[Cause]:
    """Yield the cause of a container that runs, and did not respond for longer than a run would wait."""
    found = facts.main
    if found is None or found.record is None or found.record.certificate or isinstance(facts.situation, Missing):
        return
    age = facts.situation.observed.age(found.record.token, found.record.at)
    unreachable = found.health is not None and found.health.vital is Vital.UNREACHABLE
    if unreachable and found.instance.power is Power.RUNNING and age >= facts.desired.timings.no_progress:
        link = next(one for one in links if one.name is Name.IDENTITY)
        why = f"rented {age / 60:.0f} min ago, and silent until now: its port is closed, or its network is cut"
        yield _made(link, "port-closed", why, FIX[Name.IDENTITY])


def _broke(facts: Facts) -> bool:
    return not isinstance(facts.credit, Missing) and facts.credit.amount <= 0


def _top_up(facts: Facts) -> str:
    return "" if isinstance(facts.credit, Missing) else facts.credit.top_up or "add credit"


def _number(facts: Facts) -> str:
    return facts.instance.id if facts.instance is not None else ""
