"""Changes between two looks of `status --watch`: one line each, for a log or a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ert_deploy.app.state import moment
from ert_deploy.app.status.result import Status
from ert_deploy.cli.view.links import headline, label
from ert_deploy.core.model.text import printable
from ert_deploy.core.verdict.links import Link

_NUMBERS = re.compile(r"(?:\d+(?:\.\d+)?(?: (?:s|min|h|d)\b)? ?)+")  # with the units of a duration


def changes(before: Status | None, found: Status) -> Iterator[str]:
    """Yield a line for the verdict if it is new, and one for each link that is new, gone or different.

    Numbers alone are no difference: they change with every look.
    """
    at = moment(found.now, found.zone)
    if before is None or headline(before) != headline(found):
        yield f"{at} {headline(found)}"
    known = {} if before is None else {label(link): link for link in before.links}
    for link in found.links:
        earlier = known.pop(label(link), None)
        if before is not None and (earlier is None or _mark(earlier) != _mark(link)):
            was = "new" if earlier is None else earlier.level
            why = f": {link.why}" if link.why else ""
            yield printable(f"{at} {found.deployment}: {label(link)}: {was} -> {link.level}: {link.seen}{why}", 2000)
    for name in known:
        yield f"{at} {found.deployment}: {name}: gone"


def _mark(link: Link) -> tuple[str, str, str]:
    return link.level, _NUMBERS.sub("#", link.seen), _NUMBERS.sub("#", link.why)
