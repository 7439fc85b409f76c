"""What `--json` prints of a result: plain data under names that scripts rely on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from ert_deploy.app.outcome import Outcome, Service
from ert_deploy.cli.options import emit_json
from ert_deploy.core.model.errors import Undecided
from ert_deploy.core.model.provider import InstanceId


def attention(undecided: Iterable[tuple[InstanceId, str]], others: Iterable[InstanceId]) -> dict[str, Any]:
    """What `--json` says about instances that are not clearly ours, the same for every command."""
    known = tuple(undecided)
    return {
        "suspects": [number for number, _ in known],
        "attention": [{"instance": number, "why": why} for number, why in known],
        "others": list(others),
    }


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """A run, as `up`, `wake`, `sleep`, `down` and `key rotate` print it."""
    return {
        "deployment": outcome.deployment,
        "phase": outcome.phase.value,
        "changed": outcome.changed,
        "backends": [asdict(backend) for backend in outcome.backends],
        "services": services_document(outcome.services),
        **attention(outcome.undecided, outcome.others),
        "misfit": outcome.left.summary if outcome.left is not None else "",
        "may_appear_until": round(outcome.unknown_until) or None,
        "not_updated": [{"service": target, "why": why} for target, why in outcome.abandoned],
    }


def services_document(services: Iterable[Service]) -> list[dict[str, Any]]:
    """Every app."""
    return [asdict(service) for service in services]


@contextmanager
def named_in_json(as_json: bool) -> Iterator[None]:
    """A run that stops before it has come to anything names in its JSON document, too, what stands in its way."""
    try:
        yield
    except Undecided as error:
        if as_json:
            emit_json(attention(error.found, ()))
        raise
