"""Backends that a dashboard may use: one by the deployer's variables, or the list in ERT_LLM_BACKENDS. No I/O."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ert_dashboard.base import redaction
from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.secret import Secret
from ert_dashboard.base.urls import loads, read_origin

BACKENDS = "ERT_LLM_BACKENDS"
MOST = 32
MOST_WEIGHT = 64
_KEYS = ("url", "certificate", "key", "weight")
_KEY_SHAPE = re.compile(r"[\x21-\x7e]{8,512}")


@dataclass(frozen=True)
class Backend:
    """Address of an LLM backend, and the key and certificate that authenticate both sides.

    `weight` is the number of reports that it gets at once, over all processes; 0: no new one. None: the only backend,
    which gets as many as each process has threads for. With `measured` the backend reports it itself.
    """

    url: str
    key: Secret
    ca_pem: str
    total_s: float
    weight: int | None = None
    measured: bool = False

    @property
    def name(self) -> str:
        """A name that stays with the machine when its key or its weight changes, and tells nothing of it."""
        return hashlib.sha256(f"{self.url}\n{self.ca_pem.strip()}".encode()).hexdigest()[:12]


def is_key(text: str) -> bool:
    """Whether a header can carry this key."""
    return _KEY_SHAPE.fullmatch(text) is not None


def read_backends(text: str, total_s: float) -> tuple[Backend, ...]:
    """Parse the list; raise `BadSetting` with the entry and its field, never with a value of it."""
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        raise BadSetting(f"{BACKENDS} is not JSON") from None
    redaction.hold(*_keys_in(rows))
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST:
        raise BadSetting(f"{BACKENDS} must be a list of 1 to {MOST} backends")
    found = tuple(_entry(row, f"{BACKENDS}, backend {at}", total_s) for at, row in enumerate(rows, 1))
    urls = [one.url for one in found]
    for at, url in enumerate(urls, 1):
        if url in urls[: at - 1]:
            raise BadSetting(f"{BACKENDS}, backend {at}: url is that of backend {urls.index(url) + 1}")
    if not any(one.weight for one in found):
        raise BadSetting(f"{BACKENDS}: every weight is 0, so none would write a report")
    return found


def _keys_in(rows: Any) -> list[str]:
    """Return all keys of a list, also of one that cannot be used."""
    found = (row.get("key") for row in rows if isinstance(row, Mapping)) if isinstance(rows, list) else ()
    return [key for key in found if isinstance(key, str) and key]


def _entry(row: Any, at: str, total_s: float) -> Backend:
    if not isinstance(row, Mapping):
        raise BadSetting(f"{at} is not an object with {', '.join(_KEYS)}")
    if not row.keys() <= set(_KEYS):
        raise BadSetting(f"{at} has an unknown field; it may have {', '.join(_KEYS)}")
    for name in _KEYS[:3]:
        if not isinstance(row.get(name), str):
            raise BadSetting(f"{at}: {name} is not a text")
    url, weight = read_origin(row["url"].strip()), row.get("weight", 1)
    if url is None:
        raise BadSetting(f"{at}: url is not of the form https://host:port")
    if not is_key(row["key"]):
        raise BadSetting(f"{at}: key holds characters a header cannot carry, or has a strange length")
    if not loads(row["certificate"]):
        raise BadSetting(f"{at}: certificate is not a PEM certificate")
    if isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= MOST_WEIGHT:
        raise BadSetting(f"{at}: weight is not a whole number from 0 to {MOST_WEIGHT}")
    return Backend(url, Secret(row["key"]), row["certificate"], total_s, weight)
