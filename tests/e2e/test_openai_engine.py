"""`engine: openai` end to end: rent, serve with llama.cpp's own server, report, sleep, wake, and clean up."""

from __future__ import annotations

import json
import shlex
import sys

import pytest

from ert_deploy.sandbox.ollama.weights import default_cache, toy_model
from tests.e2e.conftest import SAMPLE, Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


@pytest.mark.nightly  # `make engine-test` has the backend
def test_a_server_of_another_kind_is_rented_asked_put_to_sleep_and_woken(place: Place) -> None:
    model = toy_model(default_cache())
    command = [
        "env",
        "ERT_SANDBOX_CONTEXT=8192",
        "ERT_SANDBOX_SLOTS=1",
        sys.executable,
        "-m",
        "ert_deploy.sandbox.ollama.llama_server",
        str(model.path),
        model.name,
    ]
    text = SAMPLE.read_text()
    assert "  model: smollm2:135m " in text
    engine = f"  engine: openai\n  engine_command: {json.dumps(shlex.join(command))}\n  model: {model.name} "
    (place.folder / "mine.yaml").write_text(text.replace("  model: smollm2:135m ", engine))
    place.extra["ERT_CONFIG"] = "mine.yaml"

    (backend,) = place.data("up")["backends"]
    report = place.data("report", "AAPL")
    assert len(report["sections"]) == 5
    assert "391.04B" in report["sections"]["financial_analysis"]
    assert "llama" in report["metadata"]["engine"] or "openai" in report["metadata"]["engine"]

    assert place.data("sleep")["changed"]
    (woken,) = place.data("wake")["backends"]
    assert woken["instance"] == backend["instance"]
    assert len(place.data("report", "AAPL")["sections"]) == 5

    place.ert("down")
    assert place.instances() == []
    assert place.bill()["running"] == []
