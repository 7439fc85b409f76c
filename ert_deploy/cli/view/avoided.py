"""Lines about machines and hosts that are not rented for a while, because rentals of them failed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from ert_deploy.app.state import moment
from ert_deploy.core.model.state import Denied
from ert_deploy.core.model.text import printable

WIDTH = 80
INDENT = " " * 13


def avoided(denied: Iterable[Denied], zone: str) -> Iterator[str]:
    """Yield lines of at most 80 columns: what is not rented until when, how often it failed, and the last reason.

    `zone` marks the times.
    """
    for one in denied:
        of_host = f" of host {one.host_id}" if one.machine_id and one.host_id else ""
        evidence = f": {one.evidence}" if one.evidence else ""
        said = printable(f"{one.subject}{of_host} until {moment(one.until, zone)}{evidence}")
        yield from textwrap.wrap(said, WIDTH, initial_indent="  avoided    ", subsequent_indent=INDENT)
        yield INDENT + textwrap.shorten(printable(one.reason), WIDTH - len(INDENT), placeholder=" ...")


def avoided_document(denied: Iterable[Denied]) -> list[dict[str, Any]]:
    """Return the same as a JSON list; times in Unix seconds."""
    return [asdict(one) for one in denied]
