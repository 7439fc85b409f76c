"""Variables that the deployer owns: one set for each replica, each with a fingerprint of its own. No I/O.

Set 1 has the plain names, set K the same ones with `_K` at the end. A set is accepted only as a whole: its fingerprint
is recomputed here, and one that does not match it (a partial update, a changed value) is *torn*. It is left out then,
and the other sets are not affected.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ert_dashboard.base.backends import BACKENDS, Backend, is_key, read_backends
from ert_dashboard.base.env import finite
from ert_dashboard.base.secret import Secret
from ert_dashboard.base.shared import truth
from ert_dashboard.base.urls import loads, read_origin

FINGERPRINT = "ERT_LLM_CONFIG_FINGERPRINT"
LAST = 8  # the most replicas of a deployment
_SWITCHES = ("OLLAMA_INTEGRATION", "OPENAI_INTEGRATION")
OWNED = (
    "REMOTE_LLM_INTEGRATION",
    "ERT_LLM_BACKEND_URL",
    "ERT_LLM_API_KEY",
    "ERT_LLM_TIMEOUT",
    *_SWITCHES,
    "ERT_LLM_CA_CERT",
    "ERT_LLM_PREVIEWS",
    BACKENDS,
)
_NUMBERED = (*(name for name in OWNED if name not in (*_SWITCHES, BACKENDS)), "ERT_LLM_MODEL")
_PREVIEW = "a preview does not use the LLM backend (`render/previews: use` in the config of ert-deploy lets it)"
_NEEDED = ("ERT_LLM_BACKEND_URL", "ERT_LLM_API_KEY", "ERT_LLM_CA_CERT")
_DEFAULT_TIMEOUT_S = 3600.0  # the default of ERT's own client
_LONGEST_TIMEOUT_S = 24 * 3600.0


class Configuration(enum.StrEnum):
    """State of the backend configuration."""

    COMPLETE = "complete"
    TORN = "torn"
    ABSENT = "absent"


@dataclass(frozen=True)
class BackendSet:
    """One set: `fingerprint` is None if it does not match, and there are `backends` only if it is complete."""

    number: int
    configuration: Configuration
    problem: str | None
    fingerprint: str | None
    backends: tuple[Backend, ...] = ()


@dataclass(frozen=True)
class Sets:
    """All sets, of which the first is always there. What is wrong with one of them affects no other."""

    each: tuple[BackendSet, ...]

    @property
    def configuration(self) -> Configuration:
        """Complete if any set can be used; else torn if any is."""
        found = {one.configuration for one in self.each}
        return next(state for state in Configuration if state in found)

    @property
    def problem(self) -> str | None:
        """Why no set can be used; None if one can."""
        state = self.configuration
        if state is Configuration.COMPLETE:
            return None
        return "; ".join(one.problem for one in self.each if one.configuration is state and one.problem)

    @property
    def left_out(self) -> tuple[str, ...]:
        """One line for each set that is torn while another one is used."""
        if self.configuration is not Configuration.COMPLETE:
            return ()
        torn = (one for one in self.each if one.configuration is Configuration.TORN)
        return tuple(f"set {one.number} of the backend's variables is left out: {one.problem}" for one in torn)

    @property
    def numbered(self) -> dict[int, str]:
        """The fingerprints of the sets from 2 on that are used, or that are withdrawn."""
        shown = (one for one in self.each[1:] if one.configuration is not Configuration.TORN)
        return {one.number: one.fingerprint for one in shown if one.fingerprint is not None}

    @property
    def backends(self) -> tuple[Backend, ...]:
        """The backends of all complete sets; the weight of each is measured, but where set 1 is the only one in use."""
        found = tuple(backend for one in self.each for backend in one.backends)
        in_use = [one.number for one in self.each if one.configuration is not Configuration.ABSENT]
        if in_use in ([], [1]):
            return found
        return tuple(one if one.weight is not None else replace(one, weight=1, measured=True) for one in found)


class _Set:
    """The variables of one set, by their plain names."""

    def __init__(self, environ: Mapping[str, str], number: int) -> None:
        self._environ = environ
        self._tail = "" if number == 1 else f"_{number}"
        self._owned = OWNED if number == 1 else _NUMBERED
        self.switches = _SWITCHES if number == 1 else ()
        self.preview = unused_preview(environ, self.named("ERT_LLM_PREVIEWS"))
        self.claimed = self.get(FINGERPRINT).strip()
        self.expected = _hash(environ, (self.named(name) for name in self._owned))
        self.list = self.get(BACKENDS) if number == 1 else ""

    def named(self, name: str) -> str:
        return f"{name}{self._tail}"

    def get(self, name: str) -> str:
        return self._environ.get(self.named(name), "")

    @property
    def matches(self) -> bool:
        return hmac.compare_digest(self.claimed.encode("utf-8", "replace"), self.expected.encode())

    @property
    def there(self) -> bool:
        return any(self.get(name) for name in (*self._owned, FINGERPRINT))


def read_sets(environ: Mapping[str, str]) -> Sets:
    """Return set 1, and each further one of which there is a variable; raise `BadSetting` for a list of backends."""
    found: list[BackendSet] = []
    for number in range(1, LAST + 1):
        given = _Set(environ, number)
        if number == 1 or given.there:
            found.append(_alone(_judged(given, number), found))
    return Sets(tuple(found))


def fingerprint_of(environ: Mapping[str, str]) -> str:
    """Return 16 hex digits of the SHA-256 over the owned variables of set 1 that are set, without the fingerprint."""
    return _hash(environ, OWNED)


def unused_preview(environ: Mapping[str, str], name: str = "ERT_LLM_PREVIEWS") -> bool:
    """Whether this is the preview of a pull request that may not use the backend, by the variable of this name."""
    return truth(environ.get("IS_PULL_REQUEST", "")) and environ.get(name) != "use"


def _hash(environ: Mapping[str, str], names: Iterable[str]) -> str:
    owned = {name: environ[name] for name in names if name in environ}
    text = json.dumps(owned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _judged(given: _Set, number: int) -> BackendSet:
    shown = given.claimed if given.matches else None
    wanted = truth(given.get("REMOTE_LLM_INTEGRATION"))
    if not wanted and (given.matches or not (given.list or any(map(given.get, (*_NEEDED, FINGERPRINT))))):
        absent = "no LLM backend is configured for this dashboard"
        return BackendSet(number, Configuration.ABSENT, absent if number == 1 else None, shown)
    # Render copies all variables of the service into the preview of a pull request.
    if given.preview:
        return BackendSet(number, Configuration.ABSENT, _PREVIEW if number == 1 else None, shown)
    problem = _disagreement(given, wanted=wanted)
    if problem:
        said = f"the backend's configuration is incomplete or mixed: {problem}"
        return BackendSet(number, Configuration.TORN, said, shown)
    backends, problem = _backends(given)
    if not backends:
        return BackendSet(number, Configuration.TORN, f"the backend's configuration cannot be used: {problem}", shown)
    return BackendSet(number, Configuration.COMPLETE, None, shown, backends)


def _alone(one: BackendSet, before: Iterable[BackendSet]) -> BackendSet:
    """Return the set, torn if an earlier one has its address: the two would count as one machine."""
    urls = {backend.url: other.number for other in before for backend in other.backends}
    same = next((urls[backend.url] for backend in one.backends if backend.url in urls), None)
    if same is None:
        return one
    problem = f"the backend's configuration cannot be used: ERT_LLM_BACKEND_URL_{one.number} is that of set {same}"
    return replace(one, configuration=Configuration.TORN, problem=problem, backends=())


def _disagreement(given: _Set, *, wanted: bool) -> str | None:
    missing = [given.named(name) for name in _NEEDED if not given.get(name) and not given.list]
    if missing:
        return f"{', '.join(missing)} not set"
    if not given.claimed:
        return f"{given.named(FINGERPRINT)} not set"
    if not given.matches:
        return f"{given.named(FINGERPRINT)} does not match the other variables"
    for name in given.switches:
        if truth(given.get(name)):
            return f"REMOTE_LLM_INTEGRATION and {name} are both on"
    return None if wanted else f"{given.named('REMOTE_LLM_INTEGRATION')} is not true"


def _backends(given: _Set) -> tuple[tuple[Backend, ...], str]:
    """Return the backends of the list if there is one, else the one of the three variables; or none, and why."""
    total = finite(given.get("ERT_LLM_TIMEOUT").strip() or str(_DEFAULT_TIMEOUT_S))
    if total is None or not 0 < total <= _LONGEST_TIMEOUT_S:
        longest = f"a number of seconds between 0 and {_LONGEST_TIMEOUT_S:.0f}"
        return (), f"{given.named('ERT_LLM_TIMEOUT')} is not {longest}"
    if given.list:
        return read_backends(given.list, total), ""
    url = read_origin(given.get("ERT_LLM_BACKEND_URL").strip())
    if url is None:
        return (), f"{given.named('ERT_LLM_BACKEND_URL')} is not of the form https://host:port"
    key, pem = given.get("ERT_LLM_API_KEY"), given.get("ERT_LLM_CA_CERT")
    if not is_key(key):
        return (), f"{given.named('ERT_LLM_API_KEY')} holds characters a header cannot carry, or has a strange length"
    if not loads(pem):
        return (), f"{given.named('ERT_LLM_CA_CERT')} is not a PEM certificate"
    return (Backend(url=url, key=Secret(key), ca_pem=pem, total_s=total),), ""
