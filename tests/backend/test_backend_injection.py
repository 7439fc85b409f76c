"""Prompt injection: a report on hostile input is valid or fails with a clear error; no input is executed or leaked.

The scripted model is the worst case: it obeys, and repeats its whole prompt.
"""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from ert_backend.reports.draft import CONTROL
from tests.support.backend.hostile_texts import HOSTILE, SECRET
from tests.support.backend.rig import KEY
from tests.support.doubles.scripted_ollama import Line, ScriptedOllama, says


def obeys(body: Line) -> list[Line]:
    """Return the system prompt and the data, like a model that follows the injected instruction."""
    return says(*(message["content"] + "\n" for message in body["messages"]))


def hostile_request(text: str) -> dict[str, Any]:
    return {
        "ticker": "AAPL",
        "company_data": {"longName": text[:80], "sector": text[:200], "longBusinessSummary": text},
        "financial_data": {"totalRevenue": 391_035_000_000, "note_from_filing": text, text[:60]: 5},
        "market_data": {
            "recent_headlines": [text, {"title": text}],
            "peer_metrics": [{"ticker": text[:40], "beta": 2}],
        },
        "sections": ["executive_summary", "risk_analysis"],
    }


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) == len(set(HOSTILE)) >= 40


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_neither_steers_nor_leaks(text: str, client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = obeys
    answer = client.post("/generate_report", json=hostile_request(text))
    assert answer.status_code in {200, 503}
    if answer.status_code == 503:
        assert set(answer.json()) == {"detail"}
        return
    body = answer.json()
    assert list(body["sections"]) == ["executive_summary", "risk_analysis"]
    printed = "\n".join(body["sections"].values())
    assert SECRET not in printed
    assert KEY not in answer.text
    assert not CONTROL.search(printed)
    assert "<script" not in printed.lower()
    assert "<img" not in printed.lower()
    assert "[[" not in printed
    meta = body["metadata"]
    assert meta["report"]["rating"] == "not_rated"
    assert meta["report"]["price_target"] is None
    known = {"totalRevenue", "operatingMargin"} | {
        row["fact_id"] for t in meta["report"]["tables"] for row in t["rows"]
    }
    assert all(row["fact_id"] for item in meta["grounding"]["trace"] for row in item["numbers"]), known


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_reaches_the_model_is_fenced_data_without_control_tokens(
    text: str, client: httpx.Client, ollama: ScriptedOllama
) -> None:
    assert client.post("/generate_report", json=hostile_request(text)).status_code == 200
    for body in ollama.bodies("/api/chat"):
        assert not {"tools", "functions"} & set(body)
        for message in body["messages"][1:]:
            content = message["content"]
            assert message["role"] == "user"
            assert not CONTROL.search(content)
            assert not any(token in content for token in ("<|", "|>", "\x00", "\x1b", "\u202e", "\u200b", "```"))
            assert content.count("<<<") == content.count(">>>") <= 2
            assert not re.search(r'"(?:apiKey|fake|secret)"', json.dumps(body.get("format", {})))
