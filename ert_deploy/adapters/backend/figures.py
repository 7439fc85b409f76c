"""Figures of a backend: reads the responses of its keyed routes. No I/O; a value of the wrong type is not known."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ert_deploy.core.model.machine.figures import Card, Figures, LastReport
from ert_deploy.core.model.text import printable

MOST = 1e15
MOST_CARDS = 16
# One line of the metrics: finished reports by the type of their error, which is empty for one that was written.
_REPORTS = re.compile(r"^gen_ai_server_request_duration_seconds_count\{([^}]*)\} (\d+(?:\.\d+)?)$", re.MULTILINE)
_NO_ERROR = 'error_type=""'
_CANCELLED = 'error_type="CancelledError"'


def figures_of(shown: Mapping[str, Any], metrics: str | None) -> Figures:
    """Return the figures in a response of /status, and of /metrics if there was one."""
    queue = shown.get("queue")
    queue = queue if isinstance(queue, dict) else {}
    speed, idle = _number(shown.get("clock_speed")), _number(shown.get("idle_seconds"))
    written, failed = (None, None) if metrics is None else reports(metrics)
    return Figures(
        idle=None if idle is None else idle * (speed or 1.0),
        idle_stop=_number(shown.get("idle_stop_seconds")),
        claimed=_flag(shown.get("claimed")),
        draining=_flag(shown.get("draining")),
        restarts=_whole(shown.get("engine_restarts")),
        model_bytes=_whole(shown.get("model_size")),
        gpu_bytes=_whole(shown.get("model_size_vram")),
        cards=_cards(shown.get("gpu")),
        waiting=_whole(queue.get("depth")),
        active=_whole(queue.get("active")),
        written=written,
        failed=failed,
        last=_last(shown.get("last_report"), speed or 1.0),
    )


def reports(metrics: str) -> tuple[int, int]:
    """Return how many reports were written and how many failed, by metrics in Prometheus' text format."""
    written = failed = 0.0
    for labels, count in _REPORTS.findall(metrics):
        if _NO_ERROR in labels:
            written += float(count)
        elif _CANCELLED not in labels:
            failed += float(count)
    return int(written), int(failed)


def _last(row: object, speed: float) -> LastReport | None:
    age = _number(row.get("seconds_ago")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or age is None or row.get("status") not in ("done", "failed"):
        return None
    return LastReport(row["status"] == "done", printable(row.get("error") or ""), age * speed)


def _cards(rows: object) -> tuple[Card, ...] | None:
    if not isinstance(rows, list):
        return None
    return tuple(
        Card(
            printable(row.get("name") or "", 60),
            _number(row.get("memory_total_mb")),
            _number(row.get("memory_used_mb")),
            _number(row.get("utilization_percent")),
        )
        for row in rows[:MOST_CARDS]
        if isinstance(row, dict)
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= MOST else None


def _whole(value: object) -> int | None:
    found = _number(value)
    return None if found is None else int(found)


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
