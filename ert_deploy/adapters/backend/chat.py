"""Chat with a backend: one prompt through OpenAI's route `/v1/chat/completions`, streamed over pinned TLS."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from ert_deploy.adapters.backend.probe import health_of
from ert_deploy.adapters.backend.tls import Refused, Stranger, Unreachable, open_pinned
from ert_deploy.adapters.bounded_http import json_of
from ert_deploy.adapters.bounded_socket import Deadline
from ert_deploy.adapters.public_address import objection
from ert_deploy.core.model.errors import CannotObserve, Failed, NeedsAttention, UsageError
from ert_deploy.core.model.observed import Address, Vital
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable

PATH = "/v1/chat/completions"
LOOK = 5.0  # seconds
_DATA, _DONE = b"data:", b"[DONE]"
_STATUS = "`ert-deploy status` tells why; `ert-deploy wake` starts a sleeping machine"


@dataclass(frozen=True, slots=True)
class Chat:
    """A backend to ask: its address and pinned certificate (PEM), and the key that it accepts.

    `limit` is the time of a whole response in seconds; `allow_loopback` is for a sandbox on this machine.
    """

    address: Address
    certificate: str
    key: Secret = field(repr=False)
    deployment: str
    model: str
    limit: float
    allow_loopback: bool = False

    def serves(self) -> bool:
        """Whether it is there with its certificate, and healthy. Raises nothing; takes LOOK seconds at most."""
        if objection(self.address, allow_loopback=self.allow_loopback):
            return False
        try:
            with open_pinned(self.address, self.certificate, self.deployment, Deadline.after(LOOK)) as line:
                return health_of(*line.get("/health"), self.certificate).vital is Vital.HEALTHY
        except (Stranger, Unreachable, TimeoutError):
            return False

    def ask(self, prompt: str, system: str = "") -> Generator[str, None, None]:
        """Yield the text of the response as it is written; closing the iterator ends the work of the engine too.

        Raises `UsageError` (a rejected key or request), `Failed`, `NeedsAttention` (another certificate; nothing was
        sent) or `CannotObserve` without a complete response.
        """
        if why := objection(self.address, allow_loopback=self.allow_loopback):
            raise NeedsAttention(f"the backend is not called: {why}", "the key would be sent to it", _STATUS)
        said = [{"role": "system", "content": system}] if system else []
        body = {"model": self.model, "stream": True, "messages": [*said, {"role": "user", "content": prompt}]}
        headers = {
            "Authorization": f"Bearer {self.key.reveal()}",
            "Accept": "text/event-stream",
            "Content-Type": "application/json",
        }
        where = f"the backend at {self.address.ip}:{self.address.port}"
        try:
            deadline = Deadline.after(self.limit)
            with open_pinned(self.address, self.certificate, self.deployment, deadline) as line:
                yield from pieces(line.stream(PATH, headers, json.dumps(body).encode()), where)
        except Refused as refused:
            raise _refusal(refused, where) from None
        except Stranger as trouble:
            raise NeedsAttention(f"{where} is not the one of the app: {trouble}", hint=_STATUS) from None
        except (Unreachable, TimeoutError) as trouble:
            raise CannotObserve(f"{where} does not respond: {trouble}", hint=_STATUS) from None


def pieces(lines: Iterator[bytes], where: str) -> Iterator[str]:
    """Yield the text of each event.

    Raise `Failed` for an error event, for a stream that breaks off, and for a complete one without any text.
    """
    empty = True
    for line in lines:
        if not line.startswith(_DATA):
            continue
        data = line.removeprefix(_DATA).strip()
        if data == _DONE and empty:
            raise Failed(f"{where} ended without any text", hint="ask again; its log tells why the model stopped")
        if data == _DONE:
            return
        event = parsed(data)
        if "error" in event:
            raise Failed(f"{where} stopped: {message(event)}")
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            delta = choice.get("delta") if isinstance(choice, dict) else None
            text = delta.get("content") if isinstance(delta, dict) else None
            if isinstance(text, str) and text:
                empty = False
                yield text
    raise Failed(f"{where} ended the response before it was complete")


def _refusal(refused: Refused, where: str) -> UsageError | Failed:
    said = message(parsed(refused.body))
    if refused.status == 401:
        return UsageError(
            f"{where} does not take the app's key", hint="`ert-deploy up` gives app and backend the same key"
        )
    if refused.status in (400, 413, 422):
        return UsageError(f"{where} does not take the prompt: {said}")
    after = printable(refused.after, 10)
    return Failed(f"{where} returned {refused.status}: {said}", hint=f"try again in {after} s" if after else "")


def message(shown: dict[str, Any]) -> str:
    """Return the printable text of an error in OpenAI's form."""
    error = shown.get("error")
    text = error.get("message") if isinstance(error, dict) else error or shown.get("detail")
    return printable(text or "no reason given")


def parsed(data: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one for anything else."""
    try:
        shown = json_of(data)
    except ValueError:
        return {}
    return shown if isinstance(shown, dict) else {}
