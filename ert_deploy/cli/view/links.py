"""Lines of `status`: one per link with what is wanted next to what was seen, and the numbers of the machine."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from ert_deploy.app.status.result import Money, Status
from ert_deploy.cli.view.avoided import avoided
from ert_deploy.core.model.machine.figures import Card
from ert_deploy.core.model.text import per_hour, printable, span
from ert_deploy.core.verdict.links import Level, Link

INDENT = 11
MIB = 1024.0
NARROWEST, WIDEST = 60, 200


def status_lines(found: Status, width: int) -> Iterator[str]:
    """Yield the whole screen of one deployment in at most `width` columns."""
    yield headline(found)
    for link in found.links:
        yield from link_lines(link, width)
    for row in found.backends:
        nowhere = "no address while it sleeps" if row.asleep else "no address yet"
        yield from _said("backend", f"{row.url or nowhere} (instance {row.instance})", width)
    if found.money is not None:
        yield from _money_lines(found.money, width)
    if found.kept:
        yield from _said("replicas", found.kept, width)
    for line in found.budget:
        yield from _said("budget", line, width)
    for title, numbers in (
        ("another owner's, not included and not changed", found.others),
        ("to be destroyed", found.to_be_destroyed),
    ):
        if numbers:
            yield from _said("also", f"{title}: {', '.join(map(str, numbers))}", width)
    yield from avoided(found.denied, found.zone)


def headline(found: Status) -> str:
    """Return the verdict in one line."""
    note = " (sandbox: no real money)" if found.sandbox else ""
    return f"{found.deployment}: {found.word}; {found.standing}{note}"


def link_lines(link: Link, width: int) -> Iterator[str]:
    """Yield the lines of one link: the level, what was seen, what is wanted, and below it why it is not good."""
    yield from _said(link.level, f"{label(link)}: {link.seen} (wanted: {link.wanted})", width)
    if link.level is not Level.GOOD and link.why:
        yield from _wrapped(f"-> {link.why}", width, " " * INDENT, " " * (INDENT + 3))


def label(link: Link) -> str:
    """Return the name of a link with the instance or app that it is about."""
    return f"{link.name} {link.subject}".rstrip()


def _money_lines(money: Money, width: int) -> Iterator[str]:
    known = [
        f"{span(money.age)} old" if money.age is not None else "age not known",
        _asleep(money) if money.asleep else _idle(money),
        _spent(money) if money.spent is not None else "cost until now not known",
        per_hour(money.per_hour) if money.per_hour is not None else "an unknown price per hour",
    ]
    yield from _said("money", ", ".join(known), width)
    if money.cards is not None:
        yield from _said("GPU", "; ".join(map(_card, money.cards)) or "none", width)
    elif not money.asleep:
        why = money.reason or "the machine does not report it"
        yield from _said("GPU", f"use and memory not known: {why}", width)


def _spent(money: Money) -> str:
    return f"{money.spent_is} ${money.spent:.4f} until now without traffic".strip()


def _asleep(money: Money) -> str:
    """Return why it sleeps, and if that is known, for how long and what its disk has cost meanwhile."""
    if money.asleep_for is None:
        return f"asleep ({money.asleep})"
    stored = f": ${money.stored:.4f} for its disk" if money.stored is not None else ""
    return f"asleep ({money.asleep}) for {span(money.asleep_for)}{stored}"


def _idle(money: Money) -> str:
    return "no idle stop due" if money.idle_left is None else f"idle stop in {span(money.idle_left)}"


def _card(card: Card) -> str:
    busy = "use not known" if card.busy is None else f"{card.busy:.0f} % busy"
    if card.used_mb is None or card.memory_mb is None:
        return f"{card.name}, {busy}, memory not known"
    return f"{card.name}, {busy}, {card.used_mb / MIB:.1f} of {card.memory_mb / MIB:.1f} GiB used"


def _said(word: str, text: str, width: int) -> Iterator[str]:
    yield from _wrapped(text, width, f"  {word:<{INDENT - 2}}", " " * INDENT)


def _wrapped(text: str, width: int, first: str, rest: str) -> Iterator[str]:
    yield from textwrap.wrap(
        printable(text, 2000),
        min(max(width, NARROWEST), WIDEST),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=True,
        break_on_hyphens=False,
    )
