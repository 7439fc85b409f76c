"""Checks of the machine in use, from its container to its model."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model.keys import certificate_sha256
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.observed import Health, OffSwitch, Power, Vital
from ert_deploy.core.model.text import per_hour
from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.verdict.facts import Facts
from ert_deploy.core.verdict.links import Level, Link, Missing, Name

SLEEPS = "it sleeps, so it is not asked"
GB = 1e9
IN_MEMORY = 0.95  # part of the model that has to be in GPU memory: the rest is rounding


def machine(facts: Facts) -> Iterator[Link]:
    """Yield the links of the main instance inside its contract; none without one."""
    found = facts.main
    if found is None:
        return
    yield _container(found)
    if facts.sleeps:
        for name, wanted in ((Name.GUARD, "armed"), (Name.IDENTITY, "proven"), (Name.ENGINE, "online")):
            yield Link(name, Level.UNKNOWN, f"{wanted} once awake", "asleep", SLEEPS, found.instance.id, needed=False)
        wanted = f"{facts.desired.launch.model} once awake"
        yield Link(Name.MODEL, Level.UNKNOWN, wanted, "asleep", SLEEPS, found.instance.id, needed=False)
        return
    figures = facts.figures.get(found.instance.id)
    yield _guard(found, figures)
    yield _identity(found)
    yield _engine(found, figures)
    yield _model(found, figures, facts)


def _container(found: Candidate) -> Link:
    instance, subject = found.instance, found.instance.id
    seen = instance.status or "provisioning"
    match instance.power:
        case Power.STOPPED:
            return Link(Name.CONTAINER, Level.GOOD, "stopped", "stopped", subject=subject)
        case Power.STOPPING:
            return Link(Name.CONTAINER, Level.UNKNOWN, "stopped", seen, "it was asked to stop and may bill", subject)
        case Power.RUNNING if instance.address is None:
            why = "the provider lists no public port of it"
            return Link(Name.CONTAINER, Level.UNKNOWN, "running, with a port", seen, why, subject)
        case Power.RUNNING:
            return Link(Name.CONTAINER, Level.GOOD, "running", seen, subject=subject)
        case Power.EXITED:
            return Link(Name.CONTAINER, Level.BAD, "running", seen, instance.message.text or "it exited", subject)
        case Power.STARTING if instance.message.wrong or instance.message.permanent:
            return Link(Name.CONTAINER, Level.BAD, "running", seen, instance.message.text, subject)
        case Power.STARTING:
            return Link(Name.CONTAINER, Level.UNKNOWN, "running", seen, instance.message.text or "it starts", subject)
        case _:
            why = instance.message.text or "the provider has lost sight of its host"
            return Link(Name.CONTAINER, Level.UNKNOWN, "running", seen, why, subject)


def _guard(found: Candidate, figures: Figures | Missing | None) -> Link:
    wanted, subject = "armed, proven at the provider", found.instance.id
    health = found.health
    if health is None or health.certificate is None:
        return Link(Name.GUARD, Level.UNKNOWN, wanted, "not asked", unasked(health), subject)
    if health.off_switch is OffSwitch.REFUSED:
        why = "the provider denies its off-switch: it cannot stop itself, use `sleep` or `down`"
        return Link(Name.GUARD, Level.BAD, wanted, "refused", why, subject)
    if isinstance(figures, Figures) and figures.claimed is False:
        why = "nothing has claimed this machine, so it destroys itself at its boot deadline"
        return Link(Name.GUARD, Level.BAD, wanted, "unclaimed", why, subject)
    if health.off_switch is OffSwitch.PROVEN:
        return Link(Name.GUARD, Level.GOOD, wanted, "proven", subject=subject)
    if health.off_switch is None:  # an older image: no later look can tell more
        why = "its image is too old to report it"
        return Link(Name.GUARD, Level.UNKNOWN, wanted, "not reported", why, subject, needed=False)
    why = "its off-switch is unconfirmed: the provider has neither accepted nor rejected its key"
    return Link(Name.GUARD, Level.UNKNOWN, wanted, "unproven", why, subject)


def _identity(found: Candidate) -> Link:
    wanted, subject, health = "proves the boot secret", found.instance.id, found.health
    if health is not None and health.certificate is not None:
        seen = f"proven, certificate {certificate_sha256(health.certificate)[:12]}"
        return Link(Name.IDENTITY, Level.GOOD, wanted, seen, subject=subject)
    if health is not None and health.vital is Vital.IMPOSTOR:
        return Link(Name.IDENTITY, Level.BAD, wanted, "something else answers", health.detail or "no proof", subject)
    served = found.published or (found.record is not None and bool(found.record.certificate))
    if health is not None and served:
        return Link(Name.IDENTITY, Level.BAD, wanted, "no response", unasked(health), subject)
    return Link(Name.IDENTITY, Level.UNKNOWN, wanted, "no response yet", unasked(health), subject)


def _engine(found: Candidate, figures: Figures | Missing | None) -> Link:
    wanted, subject, health = "online", found.instance.id, found.health
    if health is None or health.certificate is None:
        return Link(Name.ENGINE, Level.UNKNOWN, wanted, "not asked", unasked(health), subject)
    if health.vital is Vital.LOADING:
        return Link(Name.ENGINE, Level.UNKNOWN, wanted, "loading", _loading(health), subject)
    if health.vital is not Vital.HEALTHY:
        return Link(Name.ENGINE, Level.BAD, wanted, str(health.vital), health.detail or "no reason given", subject)
    restarts = figures.restarts if isinstance(figures, Figures) else None
    again = f", restarted {restarts} times after it hung" if restarts else ""
    return Link(Name.ENGINE, Level.GOOD, wanted, f"{health.engine or 'online'}{again}", subject=subject)


def _model(found: Candidate, figures: Figures | Missing | None, facts: Facts) -> Link:
    wanted, subject, health = facts.desired.launch.model, found.instance.id, found.health
    if health is None or health.vital is not Vital.HEALTHY or not health.model:
        why = unasked(health) if health is None or health.certificate is None else "it is not ready"
        return Link(Name.MODEL, Level.UNKNOWN, wanted, "not known to be loaded", why, subject)
    if facts.whole and not _same(health.model, wanted):
        return Link(Name.MODEL, Level.BAD, wanted, health.model, "another model is loaded", subject)
    if isinstance(figures, Figures) and (spilled := _spilled(figures)):
        return Link(Name.MODEL, Level.BAD, f"{wanted}, all of it on the GPU", health.model, spilled, subject)
    return Link(Name.MODEL, Level.GOOD, wanted if facts.whole else "a model", health.model, subject=subject)


def _same(one: str, other: str) -> bool:
    return one.removesuffix(":latest") == other.removesuffix(":latest")


def _spilled(figures: Figures) -> str:
    """Return how much of the model is outside the GPU's memory; empty if none is, or if that is not reported."""
    whole, inside = figures.model_bytes, figures.gpu_bytes
    if not figures.cards or not whole or inside is None or inside >= whole * IN_MEMORY:
        return ""
    return f"only {inside / GB:.1f} of {whole / GB:.1f} GB are in GPU memory: reports are slow"


def _loading(health: Health) -> str:
    done = f" ({100 * health.completed / health.total:.0f} %)" if health.total else ""
    return f"{health.phase or health.detail or 'it boots'}{done}"


def unasked(health: Health | None) -> str:
    """Return why a machine without a proven identity said nothing."""
    return "it has no address to ask at" if health is None else f"{health.vital}: {health.detail}".rstrip(": ")


def price(found: Candidate) -> str:
    """Return what it costs now, by whether only its disk is billed."""
    instance = found.instance
    return f"{per_hour(instance.disk_dph)} for its disk" if instance.stopped else per_hour(instance.dph)
