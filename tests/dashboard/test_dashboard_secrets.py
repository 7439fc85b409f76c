"""Redaction: an API key that the backend includes in its responses is neither displayed nor stored."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from ert_backend.base import redaction as backend_redaction
from ert_backend.base.logs import JsonLines
from ert_dashboard.backend.protocol import Malformed, StreamEvent, parse_json, read_event, read_snapshot
from ert_dashboard.base import redaction
from ert_dashboard.web.app import CleanLines
from tests.support.secrets.encodings import ENCODINGS, found_in

KEY = "ert-Zk3_9aQx7LmN0pRsT2uVwXyZ-4bC5dEf"


@pytest.fixture(autouse=True)
def _key() -> None:
    redaction.HELD.hold_named({"ERT_LLM_API_KEY": KEY})
    backend_redaction.HELD.hold_named({"CONTAINER_API_KEY": KEY})


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_answer_of_a_backend_brings_the_key_back(encoding: str) -> None:
    said = ENCODINGS[encoding](KEY)
    body = {
        "status": "failed", "error": f"bad {said}", "section": said,
        "result": {"sections": {"risk_analysis": f"risk {said}"}, "metadata": {"model": said}},
    }  # fmt: skip
    parsed = parse_json(json.dumps(body).encode())
    update = read_snapshot(parsed)
    event = read_event(StreamEvent("section", json.dumps({**body, "text": said}), "1"))
    for shown in (json.dumps(parsed), repr(update), repr(event)):
        assert list(found_in(shown, KEY)) == []
    assert update.error is not None
    assert "***" in update.error


def test_what_is_not_text_is_no_answer() -> None:
    with pytest.raises(Malformed):
        parse_json(b"\xff\xfe{}")


@pytest.mark.parametrize("encoding", ["raw", "percent", "base64 at offset 1", "hex"])
def test_no_log_record_shows_it_either(encoding: str) -> None:
    said = ENCODINGS[encoding](KEY)
    try:
        raise ValueError(said)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "it said %s", (said,), sys.exc_info())
    record.fields = {"detail": said}
    for formatter in (CleanLines("%(message)s"), JsonLines()):
        assert list(found_in(formatter.format(record), KEY)) == []
    assert "***" in json.loads(JsonLines().format(record))["message"]
