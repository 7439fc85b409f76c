"""All links of a deployment, in the order in which a request passes them."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.verdict.apps import apps
from ert_deploy.core.verdict.contract import account, contracts
from ert_deploy.core.verdict.external import server
from ert_deploy.core.verdict.facts import Facts
from ert_deploy.core.verdict.links import Link
from ert_deploy.core.verdict.machine import machine
from ert_deploy.core.verdict.reports import last_report


def links(facts: Facts) -> tuple[Link, ...]:
    """Return every link; missing data makes one unknown, with the reason."""
    return tuple(_links(facts))


def _links(facts: Facts) -> Iterator[Link]:
    external = facts.desired.external if facts.server is not None else None
    if external is None or facts.desired.cloud.readable:
        yield account(facts)
    yield from contracts(facts)
    if external is not None and facts.server is not None:
        yield from server(external, facts.server)
    yield from machine(facts)
    yield from apps(facts)
    found = last_report(facts)
    if found is not None:
        yield found
