"""Check of an external server and of the apps that are to use it, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model.app.external import External, Part, Trouble
from ert_deploy.core.model.errors import CannotObserve, ErtError, Failed, UsageError
from ert_deploy.engine.app_proof import Finding
from ert_deploy.wiring import Session


def ensure_usable(session: Session) -> None:
    """Raise the error that `up` ends with if the server cannot be used by every app; without a server return.

    UsageError for what the config or the key has to change, CannotObserve for a server that does not respond, Failed
    for one that does not write.
    """
    server = session.desired.external
    if server is None:
        return
    ensure_key(server)
    found = _trouble(server, answers=True)
    if found is not None:
        raise error_of(found)
    for finding in unable(session):
        raise UsageError(finding.what, hint=finding.hint)


def ensure_key(server: External) -> None:
    """Raise UsageError if the key is needed and not known here."""
    if server.key is None:
        what = f"no key of the external server: {server.variable} is not set"
        raise UsageError(what, hint=f"export {server.variable}=...  or write external/key: none for one without keys")


def findings(session: Session) -> tuple[Finding, ...]:
    """Return what would make `up` fail; no completion is requested. Raises UsageError without the key."""
    server = session.desired.external
    if server is None:
        return ()
    ensure_key(server)
    found = _trouble(server, answers=False)
    return (*((Finding(found.what, found.hint),) if found is not None else ()), *unable(session))


def error_of(found: Trouble) -> ErtError:
    """Return the error for a server that cannot be used."""
    kinds: dict[Part, type[ErtError]] = {Part.ADDRESS: CannotObserve, Part.ANSWER: Failed}
    return kinds.get(found.part, UsageError)(found.what, hint=found.hint)


def _trouble(server: External, *, answers: bool) -> Trouble | None:
    from ert_deploy.adapters.backend.external_server import ExternalServer

    return ExternalServer(server).trouble(answers=answers)


def unable(session: Session) -> Iterator[Finding]:
    """Yield the apps that declare that they cannot use a server of OpenAI's API."""
    from ert_deploy.adapters.app.probe import speaks_openai

    for target in session.desired.targets:
        service = session.ports.web.service(target.service)
        if speaks_openai(target.reached_at(service.url), target) is False:
            yield Finding(
                f"{service.name} cannot use an external server: it needs the report routes of a rented backend",
                f"providers/gpu: {session.settings.gpu.provider.section} rents one; apps that call /v1 can use either",
            )
