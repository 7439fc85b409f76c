"""A report request as it is taken in: validated, trimmed, with a fingerprint that tells equal requests. Pure.

A superset of what the first ERT clients send (`ticker, company_data, financial_data, market_data, sections`); further
fields are ignored as they were there.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ert_backend.base.routes import JOB_ID

Ticker = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z0-9^][A-Za-z0-9.\-^=]{0,15}$")
]
SectionName = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9_ -]{1,64}$")]


class ReportRequest(BaseModel):
    """What to write about. Values of the three groups are free; only their shape as objects is checked."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    ticker: Ticker
    company_data: dict[str, Any]
    financial_data: dict[str, Any]
    market_data: dict[str, Any] | None = None
    sections: Annotated[list[SectionName], Field(max_length=20)] | None = None

    def fingerprint(self) -> str:
        """SHA-256 over the content, hex; key order does not matter, `id` is no part of it."""
        content = self.model_dump(include=set(ReportRequest.model_fields))
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class JobRequest(ReportRequest):
    """A report to be written in the background, under the caller's own id if it gives one."""

    id: Annotated[str, StringConstraints(pattern=rf"^{JOB_ID}$")] | None = None


def safe_name(ticker: str) -> str:
    """The ticker as a part of a file name or URL."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", ticker).strip("-.") or "report"
