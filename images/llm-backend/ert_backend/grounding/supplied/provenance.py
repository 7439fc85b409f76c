"""The provenance of each figure as given by the client: source, filing, date and link.

A link is only read from its own field, and only if it is a plain https address of a named host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_SOURCE = 200
HOST = re.compile(r"(?=.{4,120}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}")
PLAIN = re.compile(r"https://[A-Za-z0-9./?&=_%~:+,-]{4,300}")
ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,12}://\S*|\b(?:mailto|javascript|data|tel):\S*|\bwww\.\S*|\S{1,64}@\S*", re.IGNORECASE
)
NOTHING: Mapping[object, object] = {}


@dataclass(frozen=True, slots=True)
class Provenance:
    """The provenance of one figure; None for each missing part."""

    source: str | None = None
    filing: str | None = None
    as_of: str | None = None
    link: str | None = None


def read_provenance(raw: object) -> Provenance:
    """Read the provenance fields of a mapping."""
    said = raw if isinstance(raw, Mapping) else NOTHING
    return Provenance(
        source=line(said.get("source")),
        filing=line(said.get("filing")),
        as_of=line(said.get("as_of"), 60),
        link=link(said.get("link")) or link(said.get("url")),
    )


def merged(first: Provenance, second: Provenance) -> Provenance:
    """Fill the missing parts of `first` from `second`; a link is only used with its own source."""
    both = first if first.source or first.filing or first.link else second
    return Provenance(both.source, both.filing, first.as_of or second.as_of, both.link)


def sent(groups: Mapping[str, object]) -> dict[object, object]:
    """Return the `provenance` entries of all groups by figure id; the first group with an id has priority."""
    found: dict[object, object] = {}
    for group in groups.values():
        entries = group.get("provenance") if isinstance(group, Mapping) else None
        found = {**entries, **found} if isinstance(entries, Mapping) else found
    return found


def line(raw: object, most: int = MAX_SOURCE) -> str | None:
    """Return a short text on one line; markup, addresses and all but plain punctuation are removed."""
    if not isinstance(raw, str):
        return None
    plain = ADDRESS.sub(" ", raw[: 4 * most])
    return " ".join(re.sub(r"[^\w .,:/+()'-]", " ", plain).split())[:most].strip() or None


def link(raw: object) -> str | None:
    """Return an https address of a named host without login, port or unusual characters; None for any other."""
    if not isinstance(raw, str) or not PLAIN.fullmatch(raw):
        return None
    try:
        parts = urlsplit(raw)
        return raw if parts.netloc == parts.hostname and HOST.fullmatch(parts.netloc) else None
    except ValueError:
        return None


def host(address: str) -> str:
    """Return the host of a link, which is the part that is shown."""
    return urlsplit(address).netloc
