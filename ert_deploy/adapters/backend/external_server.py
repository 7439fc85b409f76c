"""Client of an external server: OpenAI's routes below `/v1`, over TLS that is verified as the app verifies it.

The key is sent only on a verified connection, and to no other address: redirects are not followed. No proxy is used.
"""

from __future__ import annotations

import difflib
import json
import ssl
from collections.abc import Generator, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from ert_deploy.adapters.backend.chat import PATH, message, parsed, pieces
from ert_deploy.adapters.backend.tls import Line, Refused, Stranger, Unreachable, Untrusted, open_line
from ert_deploy.adapters.bounded_socket import Deadline, Forbidden
from ert_deploy.adapters.bounded_transport import context as of_the_system
from ert_deploy.core.model.app.external import External, Part, Trouble
from ert_deploy.core.model.errors import CannotObserve, Failed, UsageError
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable

MODELS = "/v1/models"
MOST_MODELS = 8 * 1024 * 1024  # bytes: hosted services list hundreds of models with their descriptions
SHOWN = 5
MOVED, KEPT_OUT, ABSENT = range(300, 400), (401, 403), (404, 405, 410)
TEXTS = ("content", "reasoning_content", "reasoning")
ADDRESS = "external/url is the part before /v1, as OpenAI's clients have it in their base URL"


class ExternalServer:
    """One server; its key has to be known. `limit` is the time of a whole response in seconds."""

    def __init__(self, server: External, limit: float = 60.0) -> None:
        self._server = server
        self._limit = limit
        parts = urlsplit(server.url)
        self._at = Address(parts.hostname or "", parts.port or 443)
        self._netloc, self._path = parts.netloc, parts.path

    def trouble(self, *, answers: bool) -> Trouble | None:
        """Return the first part that fails; None if all is well. With `answers`, a short completion is requested."""
        try:
            found = self._listed()
            return found or (self._answer() if answers else None)
        except Untrusted as error:
            return Trouble(Part.CERTIFICATE, f"{self._server.url}: {error}", self._for_certificate(str(error)))
        except Stranger as error:
            return Trouble(Part.API, f"{self._server.url}: {error}", ADDRESS)
        except (Unreachable, TimeoutError) as error:
            hint = "start the server, or correct external/url"
            return Trouble(Part.ADDRESS, f"{self._server.url} does not respond: {error}", hint)

    def keyed(self) -> bool:
        """Whether its list of models needs a key, so that reading it verifies the key. False if that is unknown."""
        try:
            with self._open(Deadline.after(self._limit)) as line:
                status, _ = line.send("GET", self._path + MODELS, {"Host": self._netloc}, most=MOST_MODELS)
        except (Stranger, Unreachable, TimeoutError):
            return False
        return status in KEPT_OUT

    def ask(self, prompt: str, system: str = "") -> Generator[str, None, None]:
        """Yield the text of the response as it is written.

        Raises `UsageError` (a rejected key, certificate or request), `Failed`, or `CannotObserve` without a complete
        response.
        """
        said = [{"role": "system", "content": system}] if system else []
        try:
            with self._open(Deadline.after(self._limit)) as line:
                yield from pieces(self._stream(line, [*said, {"role": "user", "content": prompt}]), self._server.url)
        except Refused as refused:
            trouble = self._refusal(refused.status, refused.body)
            if trouble.part is Part.MODEL:
                trouble = self._by_its_list() or trouble
            error = UsageError if trouble.part in (Part.KEY, Part.MODEL) else Failed
            raise error(trouble.what, hint=trouble.hint) from None
        except Stranger as trouble:
            raise UsageError(f"{self._server.url}: {trouble}", hint="`ert-deploy status` checks the server") from None
        except (Unreachable, TimeoutError) as trouble:
            raise CannotObserve(f"{self._server.url} does not respond: {trouble}") from None

    def _by_its_list(self) -> Trouble | None:
        """Return that the model is not in the list of the server, with those that are; None if that is not seen."""
        with suppress(Stranger, Unreachable, TimeoutError):
            found = self._listed()
            return found if found is not None and found.part is Part.MODEL else None
        return None

    def _for_certificate(self, error: str) -> str:
        """Return what makes a certificate verify."""
        if "mismatch" in error:
            return f"external/url names the server as its certificate does; or the server gets one for {self._at.ip}"
        return "external/ca names a file with its certificate, or that of its CA"

    def _open(self, deadline: Deadline) -> Line:
        return open_line(self._at, self._trusting(), deadline, self._at.ip)

    def _trusting(self) -> ssl.SSLContext:
        if not self._server.certificate:
            try:
                return of_the_system()
            except Forbidden as error:
                raise Untrusted(str(error)) from None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(cadata=self._server.certificate)
        return context

    def _headers(self) -> dict[str, str]:
        key = self._server.key or Secret("")
        return {"Host": self._netloc, "Authorization": f"Bearer {key.reveal()}"}

    def _listed(self) -> Trouble | None:
        with self._open(Deadline.after(self._limit)) as line:
            status, body = line.send("GET", self._path + MODELS, self._headers(), most=MOST_MODELS)
        if status != 200:
            return self._refusal(status, body)
        rows = parsed(body).get("data")
        names = [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)] if rows else []
        if not names:
            return Trouble(Part.API, f"{self._server.url}{MODELS} lists no models as OpenAI's API does", ADDRESS)
        return None if self._server.model in names else self._absent(names)

    def _absent(self, names: list[str]) -> Trouble:
        wanted = self._server.model
        near = difflib.get_close_matches(wanted, names, n=SHOWN, cutoff=0.4) or sorted(names)[:SHOWN]
        more = f", and {len(names) - len(near)} more" if len(names) > len(near) else ""
        listed = ", ".join(printable(name, 80) for name in near)
        return Trouble(Part.MODEL, f"{self._server.url} has no model {wanted}", f"it lists {listed}{more}")

    def _answer(self) -> Trouble | None:
        """Request a completion; the connection is closed at its first text, which ends the work of the server."""
        ended = ""
        try:
            with self._open(Deadline.after(self._limit)) as line:
                for event in self._stream(line, [{"role": "user", "content": "Reply with the word OK."}]):
                    said = parsed(event.removeprefix(b"data:")) if event.startswith(b"data:") else {}
                    if "error" in said:
                        return Trouble(Part.ANSWER, f"{self._server.url} writes nothing: {message(said)}", _LOG)
                    if _wrote(said):
                        return None
                    ended = ended or _end(said)
        except Refused as refused:
            return self._refusal(refused.status, refused.body)
        if ended:
            what = f"{self._server.url} responds without any text (finish_reason {ended})"
            return Trouble(Part.ANSWER, what, _LOG)
        return Trouble(Part.ANSWER, f"{self._server.url} does not stream a completion as OpenAI's API does", _LOG)

    def _stream(self, line: Line, messages: list[dict[str, str]]) -> Iterator[bytes]:
        body = {"model": self._server.model, "stream": True, "messages": messages}
        headers = {**self._headers(), "Accept": "text/event-stream", "Content-Type": "application/json"}
        return line.stream(self._path + PATH, headers, json.dumps(body).encode())

    def _refusal(self, status: int, body: bytes) -> Trouble:
        """Return what a response with another status than 200 means."""
        at = self._server.url
        if status in KEPT_OUT:
            what, hint = self._key()
            return Trouble(Part.KEY, f"{at} does not accept {what} ({status})", hint)
        if self._names_the_model(status, parsed(body)):
            what = f"{at} has no model {self._server.model}"
            return Trouble(Part.MODEL, what, f"external/model is one of its {MODELS}; it said: {message(parsed(body))}")
        if status in MOVED:
            return Trouble(Part.API, f"{at} redirects ({status}), which clients do not follow with a key", ADDRESS)
        if status in ABSENT:
            return Trouble(Part.API, f"{at} has no OpenAI API: {status} at {MODELS} or {PATH}", ADDRESS)
        return Trouble(Part.ANSWER, f"{at} returned {status}: {message(parsed(body))}", _LOG)

    def _key(self) -> tuple[str, str]:
        """Return whose key was sent, and what gives the app one that is accepted."""
        server, named = self._server, self._server.variable
        if not named:
            return "requests without a key", "external/key names its variable"
        if server.another:
            return (
                f"the key that {server.holder} has",
                f"`ert-deploy up` checks the one in {named} and gives it to the app",
            )
        hint = f"export {named}=...  with a key of this server"
        if server.holder:
            return f"the key that {server.holder} has", f"{hint}, then `ert-deploy up`"
        return f"the key in {named}", hint

    def _names_the_model(self, status: int, said: dict[str, object]) -> bool:
        """Whether a response is about the model: by OpenAI's code, or since it has the model's name."""
        error = said.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code == "model_not_found" or (status == 404 and self._server.model in message(said))


_LOG = "its log, or the console of its service, tells why"


def _wrote(event: dict[str, object]) -> bool:
    """Whether an event has text of the model."""
    return any(
        isinstance(delta := choice.get("delta"), dict) and any(delta.get(name) for name in TEXTS)
        for choice in _choices(event)
    )


def _end(event: dict[str, object]) -> str:
    """Return why the model stopped, if the event has that."""
    return next((printable(str(reason), 40) for one in _choices(event) if (reason := one.get("finish_reason"))), "")


def _choices(event: dict[str, object]) -> Iterator[dict[str, object]]:
    found = event.get("choices")
    yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()
