"""Section `policy`: what an agent may do by itself, and what the deployment may cost."""

from __future__ import annotations

import re

from ert_deploy.config.schema.external import EXTERNAL
from ert_deploy.config.schema.parser import Bad, accepts, whole_text
from ert_deploy.config.schema.parts import Field, Many, Section
from ert_deploy.config.schema.scalars import number, one_of, text, whole
from ert_deploy.config.yaml.problems import shown
from ert_deploy.config.yaml.tree import Scalar
from ert_deploy.core.idle.guard import Choice
from ert_deploy.core.idle.hours import Window
from ert_deploy.core.idle.prices import WAIT_PRICE
from ert_deploy.core.ledger.policy import NO_BUDGET, AtBudget
from ert_deploy.core.verdict.starts import Policy

MOST_WAKES = 20  # per hour: more do not fit into the history of a state
UTC = "UTC"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_POLICY = Policy()
_DAY, _TIME = f"({'|'.join(DAYS)})", "([01][0-9]|2[0-4]):([0-5][0-9])"
_WINDOW = re.compile(f"{_DAY}(?:-{_DAY})? {_TIME}-{_TIME}")
_ZONE = re.compile("[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")


@accepts(**whole_text(_WINDOW.pattern))
def window(scalar: Scalar) -> Window:
    """Parse a window of the week such as `mon-fri 08:00-18:00`, or of one day."""
    found = _WINDOW.fullmatch(text(scalar))
    if found is None:
        raise Bad(f"{shown(scalar.text)} is not a window of the week", "such as mon-fri 08:00-18:00")
    first, last, *times = found.groups()
    hours, minutes, until, past = (int(one) for one in times)
    begin, end = DAYS.index(first), DAYS.index(last or first)
    days = frozenset((begin + ahead) % len(DAYS) for ahead in range((end - begin) % len(DAYS) + 1))
    try:
        return Window(days, hours * 3600.0 + minutes * 60.0, until * 3600.0 + past * 60.0)
    except ValueError:
        raise Bad(f"{shown(scalar.text)} does not end after it begins, on the same day", "mon 22:00-24:00") from None


@accepts(**whole_text(_ZONE.pattern))
def time_zone(scalar: Scalar) -> str:
    """Parse the name of a time zone that this computer knows, such as `Europe/Oslo`."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    name = text(scalar)
    try:
        known = name == UTC or (_ZONE.fullmatch(name) is not None and bool(ZoneInfo(name)))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known:
        raise Bad(f"{shown(name)} is no time zone that is known here", "such as Europe/Oslo or UTC")
    return name


def day_within_month(day: float | None, month: float | None) -> tuple[str, str] | None:
    """Return the error and a hint if a day may cost more than its month."""
    if day is None or month is None or day <= month:
        return None
    return (
        f"a day may cost ${day:g}, and the whole month only ${month:g}",
        f"at most {month:g}, or a larger policy/budget_per_month",
    )


def windows_and_idle(windows: tuple[object, ...], idle: str) -> tuple[str, str] | None:
    """Return the error and a hint if there are windows without their policy, or the other way round."""
    if bool(windows) == (idle == Choice.WINDOWS):
        return None
    if windows:
        return "windows are for policy/idle: windows only", "set that, or remove them"
    return "policy/idle: windows needs at least one", "such as [mon-fri 08:00-18:00]"


def replicas_and_idle(replicas: int, idle: str) -> tuple[str, str] | None:
    """Return the error and a hint if a policy that learns from the requests of one machine is set for several."""
    if replicas == 1 or idle != Choice.LEARNED:
        return None
    return (
        f"policy/idle: {idle} learns from the idle times of one machine, and this config has {replicas}",
        "policy/idle: break-even, windows or fixed",
    )


def replicas_and_custody(replicas: int, custody: str) -> tuple[str, str] | None:
    """Return the error and a hint if only one machine would have a place for its keys."""
    if replicas == 1 or custody == "app":
        return None
    return f"keys/custody: {custody} keeps the keys of one machine, and this config has {replicas}", "keys/custody: app"


def replicas_and_server(replicas: int, least: int, gpu: str) -> tuple[str, str] | None:
    """Return the error and a hint if a server that is not rented should have replicas."""
    if (replicas == 1 and not least) or gpu != EXTERNAL:
        return None
    return "they are for rented machines, and providers/gpu is an external server", "remove it"


def least_and_most(least: int, most: int) -> tuple[str, str] | None:
    """Return the error and a hint if more machines are to stay up than there are."""
    if least <= most:
        return None
    return f"{least} machines cannot be kept up of {most} at most", f"at most {most}, or a larger replicas/max"


def early_starts_possible(budget: float, idle: str, idle_stop: int) -> tuple[str, str] | None:
    """Check that starts in advance are learned, and that the machine stops by itself if it is not used."""
    if not budget or (idle == Choice.LEARNED and idle_stop):
        return None
    if idle != Choice.LEARNED:
        return "starts in advance are learned from requests", "set policy/idle: learned, or 0 here"
    return "a machine that is started in advance has to stop by itself", "set launch/guard/idle_stop, or 0 here"


SECTION = Section(
    "policy",
    (
        Field("wakes_per_hour", whole(1, MOST_WAKES), _POLICY.wakes_per_hour),
        Field("budget_per_day", number(0, 10_000, "$", above=True), NO_BUDGET.per_day),
        Field("budget_per_month", number(0, 100_000, "$", above=True), NO_BUDGET.per_month),
        Field("at_budget", one_of(tuple(AtBudget)), NO_BUDGET.at_end.value),
        Field("idle", one_of(tuple(Choice)), Choice.FIXED.value),
        Many("windows", window, ()),
        Field("time_zone", time_zone, UTC),
        Field("early_starts_per_day", number(0, 1000, "$"), 0.0),
        Field("wait_price", number(0, 100, "$ a minute"), WAIT_PRICE),
    ),
)
