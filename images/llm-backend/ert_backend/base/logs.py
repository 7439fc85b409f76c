"""Log lines as JSON on stdout, which nobody waits for. What was sent to us never gets into one.

An exception is told by its type and by where it was raised: its message may hold what a caller wrote.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
from datetime import UTC, datetime

from ert_backend.base import redaction
from ert_backend.base.log_sink import LogSink

# A scanner causes these by the thousand; they are counted in /metrics instead.
SINK = LogSink()
NOISE = ("aiohttp.client", "uvicorn.error", "asyncio")


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, and the fields a caller put under `extra={"fields": ...}`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
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
    """Make this the only log of the process, without the secrets that the process was started with."""
    redaction.HELD.hold_named(os.environ)
    handler = logging.StreamHandler(SINK)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in NOISE:
        logging.getLogger(name).setLevel(logging.ERROR)
