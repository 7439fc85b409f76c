"""Causes at an external server: the first part of it that fails, with the command that ends it."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.diagnosis.cause import Cause, Rank
from ert_deploy.core.diagnosis.evidence import Evidence
from ert_deploy.core.model.app.external import External, Part
from ert_deploy.core.model.desired import OwnedNames
from ert_deploy.core.verdict.external import ServerSeen, of_this_shell
from ert_deploy.core.verdict.facts import Facts
from ert_deploy.core.verdict.links import Level, Link, Name

PARTS = (Name.ENDPOINT, Name.KEY, Name.MODEL)  # links of a server, which have their causes here
SERVER = 215
UP = "`ert-deploy up`"
DIFFERS = "differs in "
NEXT = "`up` stops here before it writes anything"
CODES = {
    Part.ADDRESS: "server-unreachable", Part.CERTIFICATE: "server-certificate", Part.API: "server-api",
    Part.KEY: "server-key", Part.MODEL: "server-model", Part.ANSWER: "server-answer",
}  # fmt: skip
WHY = {
    Part.ADDRESS: "no response reaches this computer; where none reaches the apps either, their requests fail",
    Part.CERTIFICATE: "neither ert-deploy nor an app sends a request to a server that it cannot verify",
    Part.API: "OpenAI's clients, as the apps have them, find no API there",
    Part.KEY: "the server rejects every request with this key",
    Part.MODEL: "requests that name this model fail",
    Part.ANSWER: "it is there and takes the key, and the apps get no text from it",
}


def of_server(evidence: Evidence, links: tuple[Link, ...]) -> Iterator[Cause]:
    """Yield the first fault of the server, or that its key is not known here; what it explains of the apps is in it."""
    facts = evidence.facts
    if facts is None or facts.server is None or facts.desired.external is None:
        return
    wanted, seen = facts.desired.external, facts.server
    rank = Rank.NEXT if seen.unused else SERVER
    if wanted.key is None:
        yield Cause(
            CODES[Part.KEY],
            rank,
            f"{wanted.variable} is not set here, and no app tells the key that it has",
            NEXT if seen.unused else "whether the server takes the key and writes text could not be checked",
            f"`export {wanted.variable}=...`, then `ert-deploy doctor`",
        )
    elif (trouble := seen.trouble) is not None:
        fix = {
            Part.MODEL: "name one of them in external/model, then `ert-deploy up`",
            Part.ANSWER: f"{trouble.hint}; `ert-deploy ask` tries it again",
        }.get(trouble.part, trouble.hint if UP in trouble.hint else f"{trouble.hint}, then {UP}")
        yield Cause(
            CODES[trouble.part],
            rank,
            f"{trouble.what}: {trouble.hint}" if trouble.part is Part.MODEL else trouble.what,
            NEXT if seen.unused else WHY[trouble.part],
            fix,
            explains=frozenset(_explained(facts, trouble.part, links)),
        )
    yield from _of_this_shell(wanted, seen)


def _of_this_shell(wanted: External, seen: ServerSeen) -> Iterator[Cause]:
    """Yield what is wrong with the key of this shell alone: the server was read with that of an app."""
    if seen.here is not None:
        told, fix = of_this_shell(wanted, seen.here), seen.here.hint
    elif wanted.holder and (seen.trouble is None or seen.trouble.part is not Part.KEY):
        told = f"{wanted.variable} is not set here; these checks used the key that {wanted.holder} has"
        fix = f"`export {wanted.variable}=...`"
    else:
        return
    yield Cause(CODES[Part.KEY], Rank.NEXT, told, NEXT, f"{fix}, then `ert-deploy doctor`")


def _explained(facts: Facts, part: Part, links: tuple[Link, ...]) -> Iterator[str]:
    """Yield the apps whose variables lack no more than what `up` cannot write before this part is in order."""
    names = {target.service: target.names for target in facts.desired.targets}
    services = {app.name: names[app.target] for app in facts.publications}
    for link in links:
        if link.name is Name.APP_CONFIG and link.level is Level.BAD and link.seen.startswith(DIFFERS):
            owned = services[link.subject]
            lacking = set(link.seen.removeprefix(DIFFERS).split(", "))
            if lacking <= {owned.fingerprint, _variable(owned, part)}:
                yield f"{Name.APP_CONFIG} {link.subject}"


def _variable(names: OwnedNames, part: Part) -> str:
    """Return the variable of an app that has what the part is checked with."""
    return {Part.CERTIFICATE: names.certificate, Part.KEY: names.key, Part.MODEL: names.model}.get(part, names.url)
