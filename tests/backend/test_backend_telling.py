"""Metrics and log lines of the backend: their contents, without any secret or request body."""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
import urllib.parse
from pathlib import Path

import httpx
import pytest

from ci import reference
from ert_backend.base.logs import JsonLines
from ert_backend.edge.key_store import admin_token
from tests.support.backend.rig import ENV, KEY, NEXT_KEY, REQUEST, SECRET, Backend
from tests.support.doubles.scripted_ollama import ScriptedOllama

SECRETS = (KEY, NEXT_KEY, SECRET, admin_token(bytes.fromhex(SECRET)), ENV["ERT_KEY_HASHES"].split(",")[0])


def forms(secret: str) -> set[str]:
    """Return the encodings of a secret that must not appear."""
    raw = secret.encode()
    packed = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex()}
    return {secret, urllib.parse.quote(secret), json.dumps(secret), *packed}


def values(text: str, name: str) -> list[float]:
    return [float(found) for found in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)]


def test_metrics_need_a_key_and_are_prometheus_text(backend: Backend, client: httpx.Client) -> None:
    with backend.client(None) as stranger:
        assert stranger.get("/metrics").status_code == 401
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert values(answer.text, "ert_ready") == [1.0]
    assert values(answer.text, "ert_request_body_bytes_total") == [0.0]


def test_the_metrics_are_those_that_the_reference_names(client: httpx.Client) -> None:
    shown = re.findall(r"^# TYPE (\S+) (\S+)$", client.get("/metrics").text, re.MULTILINE)
    documented = [(name, kind) for name, kind, _, _ in reference.instruments()]
    assert sorted(pair for pair in shown if not pair[0].endswith("_created")) == sorted(documented)


def test_a_report_shows_in_the_metrics_under_the_names_others_use(client: httpx.Client) -> None:
    used = client.post("/generate_report", json=REQUEST).json()["metadata"]["tokens"]
    text = client.get("/metrics").text
    labels = 'gen_ai_operation_name="chat",gen_ai_provider_name="ollama",gen_ai_request_model="gpt-oss:20b"'
    assert 'gen_ai_client_token_usage_sum{gen_ai_operation_name="chat",' in text
    assert values(text, "gen_ai_server_request_duration_seconds_count") == [1.0]
    assert sorted(values(text, "gen_ai_client_token_usage_sum")) == [100.0, used["prompt"]]
    assert values(text, "gen_ai_server_time_per_output_token_seconds_sum") == [pytest.approx(0.01)]
    assert labels in text
    answered = r'duration_seconds_count{http_request_method="POST",.*="200",http_route="/generate_report"} 1.0'
    assert re.search(answered, text)


def test_a_failed_report_is_counted_by_the_kind_of_failure(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: [{"error": "llama runner process has terminated"}]
    assert client.post("/generate_report", json=REQUEST).status_code == 503
    assert re.search(r'request_duration_seconds_count{error_type="\w+",.*} 1\.0', client.get("/metrics").text)


def test_labels_are_ours_whatever_was_asked_for(backend: Backend, client: httpx.Client) -> None:
    with backend.client(None) as stranger:
        for number in range(20):
            stranger.request("PROPFIND", f"/canary-{number}")
            stranger.request(f"M{number}", "/health")
        stranger.get("/reports/canary-7")
    text = client.get("/metrics").text
    assert "canary" not in text
    assert "PROPFIND" not in text
    assert 'http_request_method="_OTHER",http_response_status_code="404",http_route="unknown"' in text
    assert (
        len([line for line in text.splitlines() if line.startswith("http_server_request_duration_seconds_count")]) < 9
    )


def test_no_secret_and_no_body_in_answers_metrics_logs_or_on_the_disk(
    backend: Backend, client: httpx.Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [client.post("/reports", json={**REQUEST, "company_data": {"longName": "canary-7"}}).text]
    with backend.client(None) as stranger:
        for headers in ({}, {"Authorization": f"Basic {KEY}"}, {"Authorization": f"Bearer {KEY}x"}):
            answers += [stranger.get(path, headers=headers).text for path in ("/status", "/health", "/", "/admin/keys")]
    answers += [client.get(path).text for path in ("/status", "/metrics", "/reports/none", "/nowhere", "/admin/keys")]
    lines = "\n".join(JsonLines().format(record) for record in caplog.records if record.name.startswith("ert_backend"))
    disk = "\n".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    for secret in SECRETS:
        for form in forms(secret):
            assert form not in "\n".join(answers)
            assert form not in lines
            assert form not in disk
    assert "canary" not in lines + disk


def test_a_log_line_is_one_json_object_with_the_fields_given() -> None:
    record = logging.LogRecord("ert_backend.x", logging.INFO, "x.py", 1, "said %s", ("so",), None)
    record.fields = {"status": 200, "who": "3fa9c1d2"}
    line = JsonLines().format(record)
    assert "\n" not in line
    said = json.loads(line)
    assert (said["level"], said["logger"], said["message"]) == ("info", "ert_backend.x", "said so")
    assert (said["status"], said["who"]) == (200, "3fa9c1d2")


def test_an_exception_is_told_without_its_message() -> None:
    try:
        raise ValueError("canary-7: what a caller wrote")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "it failed", (), sys.exc_info())
    line = JsonLines().format(record)
    assert "canary" not in line
    said = json.loads(line)
    assert said["exception"] == "ValueError"
    assert said["raised_at"][-1].startswith("test_backend_telling.py:")
