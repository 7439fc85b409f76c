"""JSON documents for `--json`: plain data with stable names for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from ert_deploy.app.outcome import Outcome, Service
from ert_deploy.cli.options import emit_json
from ert_deploy.core.model.app.external import External
from ert_deploy.core.model.errors import Undecided
from ert_deploy.core.model.provider import InstanceId


def attention(undecided: Iterable[tuple[InstanceId, str]], others: Iterable[InstanceId]) -> dict[str, Any]:
    """Return the JSON fields for instances without a certain owner or of another one, the same for all commands."""
    known = tuple(undecided)
    return {
        "suspects": [number for number, _ in known],
        "attention": [{"instance": number, "why": why} for number, why in known],
        "others": list(others),
    }


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """Return the JSON document of a run, for `up`, `wake`, `sleep`, `down` and `key rotate`."""
    return {
        "deployment": outcome.deployment,
        "phase": outcome.phase.value,
        "changed": outcome.changed,
        "backends": [asdict(backend) for backend in outcome.backends],
        "services": services_document(outcome.services),
        **attention(outcome.undecided, outcome.others),
        "misfit": outcome.left.summary if outcome.left is not None else "",
        **({"external": external_document(outcome.external)} if outcome.external is not None else {}),
        "may_appear_until": round(outcome.unknown_until) or None,
        "not_updated": [{"service": target, "why": why} for target, why in outcome.abandoned],
    }


def external_document(server: External) -> dict[str, str]:
    """Return the JSON object of an external server, without its key."""
    return {"url": server.url, "model": server.model}


def services_document(services: Iterable[Service]) -> list[dict[str, Any]]:
    """Return the JSON list of all apps."""
    return [asdict(service) for service in services]


@contextmanager
def named_in_json(as_json: bool) -> Iterator[None]:
    """Print the `Undecided` instances as JSON if they stop a run, and reraise the error."""
    try:
        yield
    except Undecided as error:
        if as_json:
            emit_json(attention(error.found, ()))
        raise
