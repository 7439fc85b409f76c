"""Report request model: validated, trimmed, with a fingerprint to detect duplicates. No I/O.

A superset of the body that the first ERT clients send (`ticker, company_data, financial_data, market_data, sections`);
further fields are ignored, as before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from ert_backend.base.requested import Requested
from ert_backend.base.routes import JOB_ID

Ticker = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z0-9^][A-Za-z0-9.\-^=]{0,15}$")
]
SectionName = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9_ -]{1,64}$")]
# Maximum characters of one string and of one name in the data; a string of at least this length is shortened to it.
MAX_TEXT, MAX_NAME = 12_000, 200


class ReportRequest(BaseModel):
    """The subject of a report. The three groups may contain any values; they only have to be objects.

    Long strings are shortened before any other use; `requested` lists them.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    ticker: Ticker
    company_data: dict[str, Any]
    financial_data: dict[str, Any]
    market_data: dict[str, Any] | None = None
    sections: Annotated[list[SectionName], Field(max_length=20)] | None = None

    @field_validator("company_data", "financial_data", "market_data")
    @classmethod
    def _cut(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        bounded: dict[str, Any] | None = _bounded(value)
        return bounded

    def fingerprint(self) -> str:
        """Return the SHA-256 of the content in hex; independent of key order and of `id`."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        content = {name: getattr(self, name) for name in ReportRequest.model_fields}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def requested(self) -> Requested:
        """Return the request as plain values, with the paths of the strings that were shortened."""
        groups = (self.company_data, self.financial_data, self.market_data)
        named = zip(("company_data", "financial_data", "market_data"), groups, strict=True)
        cut = tuple(place for name, group in named for place in _long(group, name))
        return Requested(self.ticker, *groups, self.sections, self.fingerprint(), cut)


class JobRequest(ReportRequest):
    """A report to be written in the background, under the client's own id if it sets one."""

    id: Annotated[str, StringConstraints(pattern=rf"^{JOB_ID}$")] | None = None


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, list):
        return [_bounded(item) for item in value]
    if isinstance(value, dict):
        return {name[:MAX_NAME]: _bounded(item) for name, item in value.items()}
    return value


def _long(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, str) and len(value) == MAX_TEXT:
        yield place
    named = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in named:
        yield from _long(item, f"{place}.{re.sub(r'[^A-Za-z0-9_]+', '_', str(name))[:60]}")


def safe_name(ticker: str) -> str:
    """Return the ticker in a form that is safe in a file name or URL."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", ticker).strip("-.") or "report"
