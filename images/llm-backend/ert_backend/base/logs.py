"""Structured logging: JSON lines on stdout, written without blocking. A line never contains any of a client's input.

An exception is logged by its type and its traceback: its message may contain a client's input.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
from datetime import UTC, datetime

from ert_backend.base import redaction
from ert_backend.base.log_sink import LogSink

# A port scanner triggers thousands of messages from these loggers; `/metrics` counts the events instead.
SINK = LogSink()
NOISE = ("aiohttp.client", "uvicorn.error", "asyncio")


class JsonLines(logging.Formatter):
    """Formats one JSON object per line: time, level, logger, message, and the fields of `extra={"fields": ...}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line |= fields
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])[-8:]
            line["exception"] = record.exc_info[0].__name__
            line["raised_at"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        return redaction.clean(json.dumps(line, default=str))


def to_stdout() -> None:
    """Make this the only log handler of the process, with the secrets of its environment redacted."""
    redaction.HELD.hold_named(os.environ)
    handler = logging.StreamHandler(SINK)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in NOISE:
        logging.getLogger(name).setLevel(logging.ERROR)
