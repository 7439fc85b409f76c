"""One report of the fake backend: its request, its events, and its text."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SECTIONS = ["executive_summary", "financial_analysis", "investment_thesis", "valuation_analysis", "risk_analysis"]


@dataclass
class Report:
    """One report and its events; `step(n)` permits writing that many sections."""

    report_id: str
    request: Mapping[str, Any]
    text: str
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    status: str = "queued"
    error: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def tell(self, name: str, data: dict[str, Any], status: str | None = None) -> None:
        with self.changed:
            self.status = status or self.status
            self.events.append((name, data))
            self.changed.notify_all()

    def result(self) -> dict[str, Any]:
        metadata = {"timestamp": "2026-01-01T00:00:00", "model": "gpt-oss:20b", "generation_time": 1.5, **self.metadata}
        sections = {name: self.texts.get(name, f"**{name}** {self.text}") for name in self.request["sections"]}
        return {"success": True, "report_id": self.report_id, "sections": sections, "metadata": metadata}

    def snapshot(self) -> dict[str, Any]:
        done = self.status == "done"
        return {
            "id": self.report_id,
            "status": self.status,
            "position": 1 if self.status == "queued" else 0,
            "result": self.result() if done else None,
            "error": self.error,
            "retryable": False,
        }

    def write(self, sections: int, begin: int = 1) -> None:
        """Write the sections from number `begin` to number `sections`."""
        self.tell("started", {}, "running")
        names = self.request["sections"]
        for index, name in list(enumerate(names, 1))[begin - 1 : sections]:
            self.tell("section_started", {"section": name, "index": index, "of": len(names)})
            self.tell(
                "section", {"section": name, "index": index, "of": len(names), "text": self.texts.get(name, self.text)}
            )

    def finish(self) -> None:
        self.tell("done", {"report_id": self.report_id}, "done")
