"""Recorder: reads responses of a provider for an account, without secrets, as a recording of its API.

Every call only reads. Of a response, names and types of all fields are kept. Values are kept where they cannot identify
anybody: numbers that are no ids, ports or account balances, times, booleans, and values of fields with a fixed set of
values. All other text is replaced, and an id by the same number wherever it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import requests

from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, Reply, exchange
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.redaction import clean
from ert_deploy.ports import Clock

VERSION = 1
BOUNDS = Bounds(size=8 * KIB * KIB)
PAUSE = 2.1  # seconds between two calls: Vast.ai allows one instance to be shown every two
HEADERS = ("content-type", "retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
REDACTED = "redacted"
# Fields with a fixed set of values.
WORDS = frozenset(
    [
        "actual_status",
        "intended_status",
        "cur_state",
        "next_state",
        "gpu_name",
        "gpu_arch",
        "cpu_arch",
        "cpu_name",
        "verification",
        "resource_type",
        "image_runtype",
        "os_version",
        "type",
        "status",
        "trigger",
        "suspended",
        "suspenders",
        "plan",
        "buildPlan",
        "region",
        "runtime",
        "generation",
        "autoDeploy",
        "autoDeployTrigger",
        "notifyOnFail",
        "pullRequestPreviewsEnabled",
        "renderSubdomainPolicy",
        "protocol",
        "error",
        "code",
        "buildStatus",
        "deployStatus",
        "mobo_name",
        "disk_name",
        "country_code",
    ]
)
TEXTS = frozenset({"msg", "message", "detail"})
OPEN_MAPS = frozenset({"label_counts", "ports", "extra_env", "env", "secrets", "labels"})
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,40}")
_TELLS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[a-z]{2,4}-[a-z0-9]{20}|(?=\S*\d)(?=\S*[A-Za-z])[A-Za-z0-9_-]{16,}")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_]{0,50}")
_PLAIN = re.compile(r"[A-Za-z]{1,20}[.,:;]?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")
_PRIVATE = re.compile(
    r"(?:^|_)(?:ids?|sid|idx|lat|lon|code|geocode|geolocode)$|[a-z]Id$|^seq$|port|credit|balance|earn|bundle|ssh|key|phone"
)


@dataclass(slots=True)
class Recording:
    """The exchanges so far, redacted."""

    exchanges: list[dict[str, Any]] = field(default_factory=list)
    _ids: dict[str, int] = field(default_factory=dict)

    def add(self, call: Mapping[str, str], reply: Reply, body: Any) -> None:
        """Add the response to a call: `provider`, `method` and `path_template`, which is the path without ids."""
        kept = {name.lower(): value for name, value in reply.headers.items() if name.lower() in HEADERS}
        response = {"status": reply.status, "response_headers": kept, "response_body": self.redacted(body)}
        self.exchanges.append({**call, **response})

    def text(self) -> str:
        """Return the recording as JSON."""
        return clean(json.dumps({"version": VERSION, "exchanges": self.exchanges}, indent=1, sort_keys=True)) + "\n"

    def redacted(self, value: Any, name: str = "") -> Any:
        """Return a value of the field `name` without what could identify somebody."""
        if isinstance(value, Mapping):
            named = enumerate(value.items(), 1)
            inside = name in OPEN_MAPS
            return {self._key(key, name, n): self.redacted(one, "" if inside else key) for n, (key, one) in named}
        if isinstance(value, list):
            return [self.redacted(one, name) for one in value]
        if isinstance(value, str):
            return _text(value, name)
        if value is None or isinstance(value, bool) or not _PRIVATE.search(name):
            return value
        return self._ids.setdefault(str(value), len(self._ids) + 1)

    def _key(self, key: str, parent: str, number: int) -> str:
        return key if _NAME.fullmatch(key) and parent not in OPEN_MAPS else f"{REDACTED}-{number}"


def _text(value: str, name: str) -> str:
    if _TIME.fullmatch(value) or value == "":
        return value
    if name in TEXTS:
        return " ".join(word if _PLAIN.fullmatch(word) else "..." for word in value.split())[:200]
    return value if name in WORDS and _WORD.fullmatch(value) and not _TELLS.search(value) else REDACTED


class Ask(Protocol):
    """One call: sends it, adds the redacted response to the recording and returns the parsed body, unredacted."""

    def __call__(
        self,
        method: str,
        template: str,
        ids: Mapping[str, str] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Any:
        """`template` is the path, with the names of `ids` in braces. Raises `CannotObserve`."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Reads one account at the API of `provider`, as an `Ask`."""

    made: Recording
    provider: str
    url: str
    key: Secret
    clock: Clock
    bounds: Bounds = BOUNDS

    def __call__(
        self,
        method: str,
        template: str,
        ids: Mapping[str, str] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Any:
        """Return the parsed body of a response. Raises `CannotObserve` for none and for a redirect."""

        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = f"Bearer {self.key.reveal()}"
            return request

        url = self.url.rstrip("/") + template.format_map(ids or {})
        call = {"provider": self.provider, "method": method, "path_template": template}
        if self.made.exchanges:
            self.clock.sleep(PAUSE)
        try:
            reply = exchange(method, url, self.bounds, authorize=authorize, params=params, body=body)
        except NoAnswer as error:
            raise CannotObserve(f"{method} {template} of {self.provider} was not answered: {error}") from None
        if 300 <= reply.status < 400:
            raise CannotObserve(f"{method} {template} of {self.provider} was redirected, which is not followed")
        said = _parsed(reply.body)
        self.made.add(call, reply, said)
        return said


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body.strip() else None
    except ValueError:
        return REDACTED


def object_of(value: Any) -> Mapping[str, Any]:
    """Return a JSON object; empty for any other value."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """Iterate over the objects in the list of that name; none for any other value."""
    found = object_of(value).get(name)
    return (row for row in (found if isinstance(found, list) else []) if isinstance(row, Mapping))
