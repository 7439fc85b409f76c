"""Checks of the apps: the variables that they are given, and the configuration that they run with."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.observed import Publication, Vital
from ert_deploy.core.planning.app_env import change, connected, touched, withdrawn
from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.planning.key_acceptance import learned
from ert_deploy.core.verdict.external import app_config
from ert_deploy.core.verdict.facts import KEY_REJECTED, Facts
from ert_deploy.core.verdict.links import Level, Link, Missing, Name

REACHED = range(200, 300)
EDITED = "a variable was changed by hand: they do not match their fingerprint"
OTHERS = "not this backend's"
ABSENT = "no such service"
UNSEEN = "it answered no request of ours, or its app does not report `instance` there: it may start or end"
REPAIR = "`ert-deploy up` writes them and deploys"


def apps(facts: Facts) -> Iterator[Link]:
    """Yield two links per app: its variables, and the process that runs."""
    by_name = {p.target: p for p in facts.publications}
    for target in facts.desired.targets if facts.whole else ():
        publication = by_name.get(target.service)
        if target.service in facts.absent:
            why = f"{facts.absent[target.service]}: its name in the config, or its host, is wrong"
            yield Link(Name.APP_CONFIG, Level.BAD, "a service of this name", ABSENT, why, target.service)
            continue
        if publication is None:
            why = facts.unread.get(target.service, "the web host was not asked")
            yield Link(Name.APP_CONFIG, Level.UNKNOWN, "readable", "not read", why, target.service, unclear=True)
            yield Link(Name.APP, Level.UNKNOWN, "reachable", "not asked", why, target.service)
            continue
        yield _config(facts, target, publication)
        yield _process(facts, target, publication)
        yield from _processes(facts, target, publication)


def _config(facts: Facts, target: Target, app: Publication) -> Link:
    if app.suspended:
        why = f"it is suspended ({app.suspended}): resume it at {facts.desired.platform.name}"
        return Link(Name.APP_CONFIG, Level.BAD, "a service that runs", "suspended", why, app.name)
    if facts.server is not None and facts.desired.external is not None:
        return _unused(target, app) if facts.server.unused else app_config(facts.desired.external, target, app)
    switched_on = target.names.enabled in app.env and app.env[target.names.enabled].reveal() == "true"
    if isinstance(facts.situation, Missing) and switched_on and (missing := _missing(target, app)):
        why = f"these variables are missing: {REPAIR}"
        return Link(Name.APP_CONFIG, Level.BAD, "a backend", f"no {', '.join(missing)}", why, app.name)
    if isinstance(facts.situation, Missing):
        why = "which backend it is to use is not known"
        return Link(Name.APP_CONFIG, Level.UNKNOWN, "the backend in use", "not compared", why, app.name)
    if facts.main is None:
        return _unused(target, app)
    return _used(facts, facts.main, target, app)


def _unused(target: Target, app: Publication) -> Link:
    wanted = "no backend"
    if not touched(target.names, app.env):
        return Link(Name.APP_CONFIG, Level.GOOD, wanted, "none of our variables", subject=app.name)
    if change(target.names, app.env, withdrawn(target)):
        why = "it has the variables of a backend that does not exist: `ert-deploy up` rents one, `down` removes them"
        return Link(Name.APP_CONFIG, Level.BAD, wanted, "a backend that is gone", why, app.name)
    return Link(Name.APP_CONFIG, Level.GOOD, wanted, "switched off", subject=app.name)


def _used(facts: Facts, found: Candidate, target: Target, app: Publication) -> Link:
    names, env = target.names, app.env
    wanted, subject = f"instance {found.instance.id}, its key and certificate", app.name
    key = env.get(names.key)
    missing = _missing(target, app)
    if len(missing) > 1:
        why = f"these variables are missing: {REPAIR}"
        return Link(Name.APP_CONFIG, Level.BAD, wanted, f"no {', '.join(missing)}", why, subject)
    if key is None:
        return Link(Name.APP_CONFIG, Level.BAD, wanted, f"no {names.key}", f"it has no key: {REPAIR}", subject)
    taken = learned(found.instance, found.record)
    if taken and key.sha256() not in taken:
        why = f"the backend does not accept the key in {names.key}: {REPAIR}"
        return Link(Name.APP_CONFIG, Level.BAD, wanted, f"another key ({key.sha256()[:8]})", why, subject)
    if facts.figures.get(found.instance.id) is KEY_REJECTED:
        why = "the backend rejects every key, also this one: its keys.json is damaged, or was changed"
        return Link(Name.APP_CONFIG, Level.BAD, wanted, "a key that it rejects", why, subject)
    certificate = _certificate(found)
    if certificate is None:
        why = "the certificate of the backend is not known yet"
        return Link(Name.APP_CONFIG, Level.UNKNOWN, wanted, "not compared", why, subject)
    here = found.instance.address
    url = here.url() if here is not None else env[names.url].reveal() if names.url in env else ""
    differs = change(names, env, connected(target, url, key, certificate))
    if differs:
        listed = ", ".join((*differs.write, *differs.delete))
        held = env[names.url].reveal() if names.url in differs.write and names.url in env else ""
        edited = differs.write == (names.fingerprint,) and not differs.delete
        why = f"{EDITED if edited else _moved(held, url) or OTHERS}: {REPAIR}"
        return Link(Name.APP_CONFIG, Level.BAD, wanted, f"differs in {listed}", why, subject)
    return Link(Name.APP_CONFIG, Level.GOOD, wanted, "all variables as wanted", subject=subject)


def _missing(target: Target, app: Publication) -> list[str]:
    """Return which variables it lacks that name the backend."""
    return [name for name in (target.names.url, target.names.key, target.names.certificate) if name not in app.env]


def _moved(app: str, backend: str) -> str:
    """Return in what the app's address is another than the backend's, without showing it; empty if it has none."""
    (was, _, _), (now, _, port) = app.rpartition(":"), backend.rpartition(":")
    if not was:
        return ""
    return f"its port is now {port}" if was == now else f"the backend's address is {backend}"


def _certificate(found: Candidate) -> str | None:
    """Return the certificate that an app needs: the one proven now, else the one that was pinned."""
    health = found.health
    if health is not None and health.vital is not Vital.IMPOSTOR and health.certificate is not None:
        return health.certificate
    return found.record.certificate if found.record is not None and found.record.certificate else None


def _processes(facts: Facts, target: Target, app: Publication) -> Iterator[Link]:
    """Yield one link per instance that its host runs. One that is not seen may start, end, or get no request."""
    found = facts.processes.get(target.service, {})
    held = app.env.get(target.names.fingerprint)
    wanted = f"fingerprint {held.reveal()}" if held is not None else "no fingerprint"
    if isinstance(found, Missing):
        yield Link(Name.PROCESS, Level.UNKNOWN, wanted, "not listed", found.reason, app.name, needed=False)
        return
    for number, shown in found.items():
        subject, seen = f"{app.name} {number}", f"fingerprint {shown}" if shown else "no fingerprint"
        if shown is None:
            yield Link(Name.PROCESS, Level.UNKNOWN, wanted, "not seen", UNSEEN, subject, needed=False)
        elif seen == wanted:
            yield Link(Name.PROCESS, Level.GOOD, wanted, seen, subject=subject)
        else:
            why = f"this one runs with another configuration than its app has: {REPAIR}"
            yield Link(Name.PROCESS, Level.BAD, wanted, seen, why, subject)


def _process(facts: Facts, target: Target, app: Publication) -> Link:
    held = app.env.get(target.names.fingerprint)
    mark, live, subject = held.reveal() if held is not None else "", app.live_fingerprint, app.name
    wanted = f"fingerprint {mark}" if mark else "no fingerprint"
    if live is not None and live == mark:
        return Link(Name.APP, Level.GOOD, wanted, f"fingerprint {live}", subject=subject)
    if live is not None:
        why = "the process runs with another configuration: it was rolled back, or was not deployed since"
        return Link(Name.APP, Level.BAD, wanted, f"fingerprint {live}", f"{why}; `ert-deploy up` deploys", subject)
    needed = facts.main is not None or facts.on_a_server or isinstance(facts.situation, Missing)
    status = facts.answers.get(target.service, 0)
    if not status:
        return Link(Name.APP, Level.UNKNOWN, wanted, "no response", "it does not respond", subject, needed=needed)
    if status not in REACHED:
        level, why = (Level.BAD, "it fails") if needed else (Level.UNKNOWN, "so its configuration is not known")
        return Link(Name.APP, level, wanted, f"HTTP {status} at {target.health_path}", why, subject, needed=needed)
    if not needed:
        return Link(Name.APP, Level.UNKNOWN, wanted, "none", "it has no configuration of ours", subject, needed=False)
    why = f"{target.health_path} shows no fingerprint: it was rolled back, or its version has no such field"
    return Link(Name.APP, Level.BAD, wanted, "none", f"{why}; `ert-deploy up` deploys", subject)
