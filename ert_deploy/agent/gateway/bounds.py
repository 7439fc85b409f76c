"""Bounds of the gateway: requests at a time, sizes and times."""

from __future__ import annotations

from dataclasses import dataclass, field

from ert_deploy.app.gateway.upstream import Within


@dataclass(frozen=True, slots=True)
class Bounds:
    """Times are in seconds, sizes in bytes.

    `open` is the number of requests at a time, held ones among them; `body` the size of one, which has to arrive in
    `body_within`. While it wakes, a stream is held for `held_stream` and gets a comment every `comment`, another
    request for `held_whole`. A client that takes nothing for `write` is given up. `again` is the least time between
    two attempts at a backend that does not respond, and `refusals` are the times that it may refuse its key.
    """

    open: int = 64
    body: int = 1024 * 1024
    body_within: float = 30.0
    held_stream: float = 900.0
    held_whole: float = 90.0
    comment: float = 5.0
    write: float = 60.0
    again: float = 1.0
    refusals: int = 3
    retry_after: int = 60
    within: Within = field(default_factory=Within)
