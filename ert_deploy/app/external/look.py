"""Look at an external server: its list of models is read, and for `doctor` a short completion is requested."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.app.external import NO_KEY, External, Part
from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.observed import Publication
from ert_deploy.core.model.secret import HIDDEN, Secret
from ert_deploy.core.planning.app_env import change, touched, withdrawn
from ert_deploy.core.verdict.external import ServerSeen
from ert_deploy.core.verdict.facts import Facts

AFTER_THE_KEY = (Part.MODEL, Part.ANSWER)  # parts that are reached with a key that is accepted


def with_server(facts: Facts, *, tried: bool = False) -> Facts:
    """Return the facts with what the server has shown, by the key that is known here, else by that of an app.

    If the server refuses the former and not the latter, it is read with the latter, and both are told.
    `tried`: a short completion is requested too, and nothing is left out where no app uses the server.
    """
    configured = facts.desired.external
    if configured is None or not facts.whole:
        return facts
    unused = _all_off(facts)
    if unused and not tried:
        return replace(facts, server=ServerSeen(None, unused=True))
    server = held = _of_an_app(facts, configured)
    if configured.key is not None:
        server = configured
    seen = _seen(server, answers=tried)
    if held.key not in (None, server.key) and seen.trouble is not None and seen.trouble.part is Part.KEY:
        with_theirs = _seen(held, answers=tried)
        if with_theirs.trouble is None or with_theirs.trouble.part in AFTER_THE_KEY:
            server, seen = held, replace(with_theirs, here=seen.trouble)
    return replace(facts, desired=replace(facts.desired, external=server), server=replace(seen, unused=unused))


def _all_off(facts: Facts) -> bool:
    """Whether every app was read, and none has a backend."""
    by_name = {target.service: target for target in facts.desired.targets}
    off = [_off(by_name[app.target], app) for app in facts.publications]
    return len(off) == len(by_name) and all(off)


def _off(target: Target, app: Publication) -> bool:
    return not touched(target.names, app.env) or not change(target.names, app.env, withdrawn(target))


def _of_an_app(facts: Facts, server: External) -> External:
    """Return the server with the key of the first app that uses it; without a key if there is none."""
    by_name = {target.service: target.names for target in facts.desired.targets}
    for app in facts.publications:
        names = by_name[app.target]
        url, key = app.env.get(names.url), app.env.get(names.key)
        if url == Secret(server.url) and key not in (None, HIDDEN):
            return replace(server, key=key, holder=app.name, another=server.key not in (None, key))
    return replace(server, key=None)


def _seen(server: External, *, answers: bool) -> ServerSeen:
    from ert_deploy.adapters.backend.external_server import ExternalServer

    keyed = ExternalServer(server).keyed() if server.variable else False
    if server.key is None and keyed:  # without it no more can be told
        return ServerSeen(None, keyed=True)
    asked = ExternalServer(replace(server, key=server.key or NO_KEY))
    return ServerSeen(asked.trouble(answers=answers and server.key is not None), keyed)
