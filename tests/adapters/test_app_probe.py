"""App probe: only a JSON fingerprint identifies the configuration of a web app, everything else is "none"."""

from __future__ import annotations

from pathlib import Path

import pytest

from ert_deploy.adapters.app.probe import HttpAppProbe
from ert_deploy.adapters.bounded_http import Bounds
from ert_deploy.core.model.desired import Target
from tests.support.doubles.scripted_http import Answer, scripted
from tests.support.fakes.timing import FakeClock

HEALTHY = {"status": "healthy", "version": "1.0.0", "fingerprint": "0123456789abcdef", "configuration": "complete"}
TARGET = Target("ert-dashboard")
QUICK = Bounds(connect=1, read=0.3, total=0.5, size=4096)
WAKING = b"<!doctype html><title>Service waking up</title>"


def fingerprint(*answers: Answer, target: Target = TARGET) -> str | None:
    """Return the fingerprint that the probe reads from an app with these responses, one after the other."""
    with scripted({"GET /health": list(answers)}) as app:
        return HttpAppProbe(FakeClock(), QUICK).fingerprint(app.url, target)


def test_the_fingerprint_of_a_healthy_app_is_read() -> None:
    assert fingerprint(Answer(200, HEALTHY)) == "0123456789abcdef"


@pytest.mark.parametrize(
    ("answer", "status", "location"),
    [
        (Answer(200, HEALTHY), 200, ""),
        (
            Answer(301, None, headers={"Location": "https://www.example.org/health"}),
            301,
            "https://www.example.org/health",
        ),
        (Answer(403, {}), 403, ""),
        (Answer(404, b"Not Found", kind="text/plain"), 404, ""),
        (Answer(reset=True), 0, ""),
    ],
)
def test_how_it_answers_is_told_apart(answer: Answer, status: int, location: str) -> None:
    with scripted({"GET /health": answer}) as app:
        seen = HttpAppProbe(FakeClock(), QUICK).answer(app.url, TARGET)
    assert (seen.status, seen.location) == (status, location)


@pytest.mark.parametrize(
    ("shown", "forgets", "alone"),
    [
        ({"forgets": 3, "shared": False}, 3, True),
        ({"forgets": None, "shared": True}, 0, False),
        ({}, 0, False),
        ({"forgets": True, "shared": None}, 0, False),
        ({"forgets": -1, "shared": 0}, 0, False),
        ({"forgets": 10**12, "shared": "no"}, 0, False),
        ([3], 0, False),
    ],
)
def test_what_the_dashboard_says_of_its_data_is_read(shown: object, forgets: int, alone: bool) -> None:
    with scripted({"GET /health": Answer(200, shown)}) as app:
        found = HttpAppProbe(FakeClock(), QUICK).answer(app.url, TARGET)
    assert (found.status, found.forgets, found.alone) == (200, forgets, alone)


def test_path_and_field_are_the_targets() -> None:
    target = Target("x", health_path="healthz", health_field="build")
    with scripted({"GET /healthz": Answer(200, {"build": "fedcba9876543210"})}) as app:
        assert HttpAppProbe(FakeClock(), QUICK).fingerprint(app.url + "/", target) == "fedcba9876543210"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, WAKING, kind="text/html"),
        Answer(503, WAKING, kind="text/html"),
        Answer(503, HEALTHY),
        Answer(404, HEALTHY),
        Answer(200, {**HEALTHY, "fingerprint": None}),
        Answer(200, {**HEALTHY, "fingerprint": 5}),
        Answer(200, {**HEALTHY, "fingerprint": ""}),
        Answer(200, {**HEALTHY, "fingerprint": "a\x1b[2Jb"}),
        Answer(200, {**HEALTHY, "fingerprint": "a" * 17}),
        Answer(200, {**HEALTHY, "fingerprint": "0123456789ABCDEF"}),
        Answer(200, {**HEALTHY, "fingerprint": "0123456789abcdef\n"}),
        Answer(200, {**HEALTHY, "fingerprint": "a password of another server on this machine"}),
        Answer(200, {}),
        Answer(200, [HEALTHY]),
        Answer(200, b"[" * 4000),
        Answer(200, b'"' + b"a" * 5000 + b'"'),
        Answer(200, HEALTHY, cut=20),
        Answer(200, HEALTHY, pause=0.5),
        Answer(200, HEALTHY, trickle=0.1),
        Answer(reset=True),
    ],
)
def test_anything_else_is_none(answer: Answer) -> None:
    assert fingerprint(answer) is None


def test_a_redirect_is_not_followed() -> None:
    away = Answer(302, None, {"Location": "/elsewhere"})
    with scripted({"GET /health": away, "GET /elsewhere": Answer(200, HEALTHY)}) as app:
        assert HttpAppProbe(FakeClock(), QUICK).fingerprint(app.url, TARGET) is None
    assert app.asked() == ["/health"]


@pytest.mark.parametrize("first", [Answer(reset=True), Answer(502, b"<html>", kind="text/html")])
def test_one_lost_answer_is_asked_again(first: Answer) -> None:
    assert fingerprint(first, Answer(200, HEALTHY)) == "0123456789abcdef"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[::1", "ftp://127.0.0.1", "", "https://x y"])
def test_an_address_that_leads_nowhere_is_none(url: str) -> None:
    assert HttpAppProbe(FakeClock(), QUICK).fingerprint(url, TARGET) is None


def test_the_companys_proxy_is_used_and_no_credentials_are_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine app.example.org login somebody password else\n", "utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with scripted({"GET /health": Answer(200, HEALTHY)}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert HttpAppProbe(FakeClock(), QUICK).fingerprint("http://app.example.org", TARGET)
    assert "Authorization" not in proxy.seen[0].headers
