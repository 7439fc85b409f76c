"""Checks of an external server: its address and certificate, the key, the model, and the variables of the apps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ert_deploy.core.model.app.external import External, Part, Trouble
from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.observed import Publication
from ert_deploy.core.model.secret import HIDDEN
from ert_deploy.core.planning.app_env import change, connected
from ert_deploy.core.verdict.links import Level, Link, Name

REPAIR = "`ert-deploy up` writes them and deploys"


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """What a server has shown: the first fault, None for none. `keyed`: it lists its models only with the key.

    `unused`: every app is switched off, so that it was not asked. `here`: the key in the variable is rejected, with
    this message, and that of an app is not; the rest was then read with the latter.
    """

    trouble: Trouble | None
    keyed: bool = False
    unused: bool = False
    here: Trouble | None = None


def server(wanted: External, seen: ServerSeen) -> Iterator[Link]:
    """Yield the links of the server; what comes after its first fault is not known."""
    if seen.unused:
        yield Link(Name.ENDPOINT, Level.GOOD, "no app uses it", "not asked")
        return
    yield _of(Name.ENDPOINT, (Part.ADDRESS, Part.CERTIFICATE, Part.API, Part.ANSWER), "serves", wanted.url, seen)
    yield _key(wanted, seen)
    if wanted.key is None and seen.keyed:
        yield Link(Name.MODEL, Level.UNKNOWN, wanted.model, "not asked", "the key is not known here")
        return
    yield _of(Name.MODEL, (Part.MODEL,), wanted.model, wanted.model, seen, after=(Name.ENDPOINT, Name.KEY))


def _of(
    name: Name, parts: tuple[Part, ...], aim: str, found: str, seen: ServerSeen, *, after: tuple[Name, ...] = ()
) -> Link:
    trouble = seen.trouble
    if trouble is None or (trouble.part not in parts and not after):
        return Link(name, Level.GOOD, aim, found)
    if trouble.part in parts:
        return Link(name, Level.BAD, aim, "failed", f"{trouble.what}: {trouble.hint}")
    return Link(name, Level.UNKNOWN, aim, "not asked", "the server was not asked for it", needed=False)


def _key(wanted: External, seen: ServerSeen) -> Link:
    trouble = seen.trouble
    if seen.here is not None:
        return Link(
            Name.KEY, Level.BAD, "accepted", "rejected", f"{of_this_shell(wanted, seen.here)}: {seen.here.hint}"
        )
    if wanted.key is None:
        why = f"{wanted.variable} is not set here, and no app has it"
        return Link(Name.KEY, Level.UNKNOWN, "accepted", "not known", why)
    if trouble is not None and trouble.part is Part.KEY:
        return Link(Name.KEY, Level.BAD, "accepted", "rejected", f"{trouble.what}: {trouble.hint}")
    if trouble is not None and trouble.part is not Part.MODEL:
        return Link(Name.KEY, Level.UNKNOWN, "accepted", "not asked", "the server does not serve", needed=False)
    if not wanted.variable:
        return Link(Name.KEY, Level.GOOD, "none", "none is needed")
    if seen.keyed:
        return Link(Name.KEY, Level.GOOD, "accepted", f"accepted ({wanted.key.sha256()[:8]})")
    why = "the server lists its models to anybody; `ert-deploy ask` uses the key"
    return Link(Name.KEY, Level.UNKNOWN, "accepted", "not asked for", why, needed=False)


def of_this_shell(wanted: External, refused: Trouble) -> str:
    """Return that the variable's key was rejected, and that an app has another one, which was not."""
    return f"{refused.what}, as this shell has it; {wanted.holder} has another one, which is accepted"


def app_config(wanted: External, target: Target, app: Publication) -> Link:
    """Return the link of an app's variables; a key that is not known here is the one that it has."""
    names, env, aim = target.names, app.env, f"the server {wanted.url}"
    held = env.get(names.key)
    key = wanted.key or held
    if key is None or held is None:
        return Link(Name.APP_CONFIG, Level.BAD, aim, f"no {names.key}", f"it has no key: {REPAIR}", app.name)
    shown = {name: value for name, value in env.items() if value != HIDDEN}
    differs = change(names, shown, connected(target, wanted.url, key, wanted.certificate, wanted.model))
    unknown = {names.fingerprint} if key == HIDDEN else set()  # it is made from the key
    wrong = [name for name in (*differs.write, *differs.delete) if env.get(name) != HIDDEN and name not in unknown]
    if wrong:
        why = f"not the server's of the config: {REPAIR}"
        return Link(Name.APP_CONFIG, Level.BAD, aim, f"differs in {', '.join(wrong)}", why, app.name)
    return Link(Name.APP_CONFIG, Level.GOOD, aim, "all variables as wanted", subject=app.name)
