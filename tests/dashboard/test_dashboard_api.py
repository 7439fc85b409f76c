"""REST API: accepted and rejected requests; no input causes a 5xx or is echoed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import ask, data, ended, until

Start = Callable[[dict[str, str]], Dashboard]
POSTS = ["/api/generate", "/api/watchlist_prices", "/api/abort", "/api/reset_abort", "/api/reports/AAPL-1/abort"]


@pytest.mark.parametrize(
    ("ticker", "status"),
    [
        ("AAPL", 200),
        (" aapl ", 200),
        ("BRK.B", 200),
        ("BRK-B", 200),
        ("0700.HK", 404),
        ("^GSPC", 400),
        ("EURUSD=X", 404),
        ("TOOLONGTICKER", 400),
        ("", 400),
        ("../etc", 400),
        ("A A", 400),
        ("AAPL\n", 200),
        ("ÄPL", 400),
        ("\ud800", 400),
        ("\uff21APL", 400),
        (None, 400),
        (7, 400),
        (["AAPL"], 400),
        ({"a": 1}, 400),
        (True, 400),
    ],
)
def test_tickers(client: Any, ticker: object, status: int) -> None:
    assert client.post("/api/generate", json={"ticker": ticker}).status_code == status


def test_a_share_class_is_found_in_both_spellings(client: Any) -> None:
    assert client.post("/api/generate", json={"ticker": "brk.b"}).json["report_id"].startswith("BRK_B-")
    found = client.get("/api/search_tickers?q=brk.b").json["results"]
    assert [company["ticker"] for company in found] == ["BRK-B"]


def test_an_unknown_company_is_told_which_are_known(client: Any) -> None:
    answer = client.post("/api/generate", json={"ticker": "TSLA"})
    assert answer.status_code == 404
    assert answer.json["known_tickers"] == ["AAPL", "BRK-B", "MSFT", "NVDA", "ZZZT"]


def test_search(client: Any) -> None:
    assert client.get("/api/search_tickers").json["count"] == 5
    (apple,) = client.get("/api/search_tickers?q=apple").json["results"]
    assert (apple["ticker"], apple["as_of"], apple["fictional"]) == ("AAPL", "2024-09-28", False)
    assert client.get("/api/search_tickers?q=%00%ff<script>").json["results"] == []


def test_prices_say_that_there_are_none(client: Any) -> None:
    answer = client.post("/api/watchlist_prices", json={"tickers": ["AAPL", "BRK.B", "TSLA", "ZZZT"]}).json
    assert answer["prices"]["AAPL"]["price"] is None
    assert "BRK.B" in answer["prices"]
    assert answer["prices"]["ZZZT"]["price"] == 0.0004
    assert answer["unknown"] == ["TSLA"]


BAD_BODIES = [
    b"{",
    b"[]",
    b'"AAPL"',
    b"null",
    b'{"ticker": NaN}',
    b'{"ticker": 1e999999}',
    b'{"ticker": ' + b"9" * 5000 + b"}",
    b"\xff\xfe",
    b"[" * 30000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"ticker": "AAPL", }',
    b"{}" * 3,
    b"\x00",
    b'{"tickers": "AAPL"}',
    b'{"tickers": [1]}',
    b'{"tickers": ["A A"]}',
    b'{"report_id": "../../etc/passwd"}',
    b'{"report_id": 7}',
    b'{"report_id": null}',
    b'{"report_id": ["a"]}',
    b" " * 70000,
]


@pytest.mark.parametrize("path", POSTS)
def test_no_body_ends_in_a_5xx(client: Any, path: str) -> None:
    for body in BAD_BODIES:
        answer = client.post(path, data=body, content_type="application/json")
        assert answer.status_code < 500, body[:40]
        assert isinstance(answer.json, dict)


def test_a_huge_body_is_refused(client: Any) -> None:
    answer = client.post("/api/generate", data=b"x" * 100_000, content_type="application/json")
    assert (answer.status_code, answer.json["success"]) == (413, False)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({}, 415),
        ({"Content-Type": "application/json", "Origin": "https://evil.example"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "application/json", "Origin": "http://[bad"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_page_of_another_site_cannot_post(client: Any, headers: dict[str, str], status: int) -> None:
    for path in POSTS:
        assert client.post(path, data=b'{"ticker": "AAPL"}', headers=headers).status_code == status, path


def test_the_own_page_may_post(client: Any) -> None:
    headers = {"Origin": "https://ert.example", "Host": "ert.example", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/generate", json={"ticker": "AAPL"}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/api/reports/unknown", 404),
        ("/api/reports/..%2f..%2fetc", 404),
        ("/api/reports/%00", 404),
        ("/reports/unknown.md", 404),
        ("/reports/unknown", 404),
        ("/reports/..%2f..%2fetc%2fpasswd", 404),
        ("/static/../wsgi.py", 404),
        ("/api/reports?limit=-1", 400),
        ("/api/reports?limit=x", 400),
        ("/api/reports?limit=%D9%A3", 400),
        ("/api/reports?limit=0", 200),
        ("/api/generate", 405),
    ],
)
def test_errors_are_json(client: Any, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert isinstance(answer.json, dict)


def test_every_answer_carries_the_security_headers(client: Any) -> None:
    for path in ("/", "/health", "/static/app/theme.js", "/nowhere"):
        with client.get(path) as answer:
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_page_has_nothing_inline_and_nothing_foreign(client: Any) -> None:
    page = client.get("/").text
    assert "<script>" not in page
    assert "style=" not in page
    assert "onclick" not in page
    assert "//" not in page.replace("http://www.w3.org", "")
    assert "&lt;Zinc&gt;" in page


def test_ready_tells_of_the_backend_and_asks_it_seldom(client: Any, backend: FakeBackend) -> None:
    first = client.get("/ready")
    assert (first.status_code, first.json["backend"]["model"]) == (200, "gpt-oss:20b")
    backend.loading = {"phase": "loading"}
    assert client.get("/ready").status_code == 200
    assert backend.connections == 1


def test_ready_tells_why_not(client: Any, backend: FakeBackend) -> None:
    backend.loading = {"phase": "pulling", "completed": 1e9, "total": 4e9}
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json["reason"] == "the backend is downloading the model 25 % (1.0 of 4.0 GB)"


def test_one_report_is_stopped_and_the_other_goes_on(client: Any, backend: FakeBackend) -> None:
    backend.held = True
    stopped, kept = ask(client, "AAPL"), ask(client, "MSFT")
    until(lambda: len(backend.reports) == 2)
    assert client.post("/api/abort", json={"report_id": stopped}).json["aborted"] == [stopped]
    done = ended(client, stopped)
    assert (done["status"], done["abort_requested"]) == ("aborted", True)
    until(lambda: backend.deleted == [stopped])
    until(lambda: data(client, kept)["status"] == "generating_sections")
    assert client.post(f"/api/reports/{stopped}/abort", json={}).status_code == 409


def test_the_global_abort_stops_what_is_active_and_nothing_later(client: Any, backend: FakeBackend) -> None:
    backend.held = True
    ids = {ask(client, ticker) for ticker in ("AAPL", "MSFT", "NVDA")}
    until(lambda: len(backend.reports) == 2)
    assert set(client.post("/api/abort", json={}).json["aborted"]) == ids
    assert {ended(client, report_id)["status"] for report_id in ids} == {"aborted"}
    backend.held = False
    assert ended(client, ask(client))["status"] == "completed"
    assert client.post("/api/reset_abort", json={}).json["success"] is True


def test_a_full_queue_says_when_to_come_again(environ: dict[str, str], start: Start, backend: FakeBackend) -> None:
    backend.held = True
    client: Any = start({**environ, "MAX_QUEUE_SIZE": "1", "ERT_DASHBOARD_WORKERS": "1"}).app.test_client()
    working = ask(client)
    until(lambda: working in backend.reports)
    ask(client)
    full = client.post("/api/generate", json={"ticker": "NVDA"})
    assert full.status_code == 429
    assert int(full.headers["Retry-After"]) > 0
    health = client.get("/health").json
    assert (health["active_reports"], health["queue_size"]) == (1, 1)
