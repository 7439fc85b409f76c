"""Lines of `doctor`: per cause what was seen, why it matters, and the command that ends it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from ert_deploy.core.diagnosis.cause import Cause
from ert_deploy.core.model.text import printable

NARROWEST, WIDEST = 60, 200
DETAIL = 12  # lines of a detail


def cause_lines(causes: tuple[Cause, ...], width: int) -> Iterator[str]:
    """Yield first one line per cause, then what each means; at most `width` columns."""
    for number, cause in enumerate(causes, 1):
        yield from _wrapped(f"{number}. {cause.seen}", width, "", "   ")
    for number, cause in enumerate(causes, 1):
        yield ""
        yield from _wrapped(f"{number}. {cause.code}: {cause.why}", width, "", "   ")
        for line in cause.detail.splitlines()[-DETAIL:]:
            yield from _wrapped(line, width, "     ", "     ")
        yield from _wrapped(f"fix: {cause.fix}", width, "   ", "        ")


def _wrapped(text: str, width: int, first: str, rest: str) -> Iterator[str]:
    yield from textwrap.wrap(
        printable(text, 1000),
        min(max(width, NARROWEST), WIDEST),
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
    )
