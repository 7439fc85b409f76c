"""Login: required for all but `/health` and the login page; limited attempts; server-side sessions."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.auth.login import own_path
from ert_dashboard.auth.password import PasswordHash, hash_password, read_hash
from ert_dashboard.base.env import BadSetting
from ert_dashboard.settings import read_settings
from ert_dashboard.web.app import Dashboard, create_dashboard
from ert_dashboard.web.live import Watchers
from tests.support.dashboard.manual_clock import WoundClock

Start = Callable[[dict[str, str]], Dashboard]
PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)
ORIGIN = {"Origin": "http://localhost"}
CLOSED = [
    "/",
    "/ready",
    "/api/status",
    "/api/deployment",
    "/api/reports",
    "/reports/x.md",
    "/static/app/theme.js",
    "/x",
]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare passwords without the hash, which takes a while on purpose."""
    monkeypatch.setattr(PasswordHash, "matches", lambda _, password: password == PASSWORD)


@pytest.fixture
def locked(environ: dict[str, str], start: Start) -> Dashboard:
    return start({**environ, "ERT_DASHBOARD_PASSWORD_HASH": HASH})


def log_in(client: Any, password: str = PASSWORD, **headers: str) -> Any:
    return client.post("/login", data={"password": password}, headers={**ORIGIN, **headers})


def session_of(answer: Any) -> str:
    found = re.search(r"ert_session=([\w-]+)", answer.headers["Set-Cookie"])
    assert found is not None
    return found[1]


def test_a_hash_knows_its_password_and_does_not_show_it() -> None:
    read = read_hash(HASH)
    assert read.matches(PASSWORD)
    assert not read.matches(PASSWORD + " ")
    assert not read.matches("x" * 5000)
    assert hash_password(PASSWORD) != HASH
    assert PASSWORD not in HASH
    assert HASH.split(":")[4] not in repr(read)


@pytest.mark.parametrize(
    "text",
    [
        PASSWORD,
        "",
        "scrypt:1024:8:1:c2FsdHNhbHRzYWx0c2FsdA==:" + "QUFB" * 11,
        "scrypt:1099511627776:8:1:c2FsdHNhbHRzYWx0c2FsdA==:" + "QUFB" * 11,
        "scrypt:16384:8:5:c2FsdA==:" + "QUFB" * 11,
        "scrypt:16384:8:5:c2FsdHNhbHRzYWx0c2FsdA==:QUFB",
        "scrypt:a:b:c:d:e",
        pytest.param(HASH.replace("scrypt", "plain"), id="another method"),
    ],
)
def test_what_is_no_hash_stops_the_start_and_is_not_repeated(environ: dict[str, str], text: str) -> None:
    with pytest.raises(BadSetting, match="ERT_DASHBOARD_PASSWORD_HASH") as refusal:
        read_settings({**environ, "ERT_DASHBOARD_PASSWORD_HASH": text})
    assert not text or text not in str(refusal.value)


@pytest.mark.parametrize(("typed", "code"), [(PASSWORD + "\n", 0), ("short\n", 2), ("", 2)])
def test_the_hash_is_made_from_stdin(typed: str, code: int) -> None:
    package = Path(__file__).parents[2] / "images" / "dashboard"
    command = [sys.executable, "-m", "ert_dashboard.auth.password"]
    made = subprocess.run(command, cwd=package, input=typed, capture_output=True, text=True, check=False, timeout=30)
    assert made.returncode == code
    assert (code == 0) == made.stdout.startswith("scrypt:")
    assert code != 0 or read_hash(made.stdout).matches(PASSWORD)
    assert not typed.strip() or typed.strip() not in made.stdout + made.stderr


def test_without_a_login_only_health_answers(locked: Dashboard) -> None:
    client = locked.app.test_client()
    assert client.get("/health").status_code == 200
    for path in CLOSED:
        assert client.get(path).status_code == 401, path
        page = client.get(path, headers={"Accept": "text/html,*/*"})
        then = "" if path == "/" else f"?next={path}"
        assert (page.status_code, page.headers["Location"]) == (303, f"/login{then}"), path
        assert page.headers["X-Frame-Options"] == "DENY"
    assert client.post("/api/generate", json={"ticker": "AAPL"}).status_code == 401
    assert locked.service.store.latest() == []


def test_the_socket_is_behind_the_login_too(locked: Dashboard) -> None:
    client = locked.app.test_client()
    handshake = "/socket.io/?EIO=4&transport=polling"
    assert client.get(handshake).status_code == 401
    log_in(client)
    assert client.get(handshake).status_code == 200


def test_the_right_password_opens_and_the_cookie_is_careful(locked: Dashboard) -> None:
    client = locked.app.test_client()
    answer = log_in(client)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    for path in ("/", "/api/status", "/api/reports"):
        assert client.get(path).status_code == 200


def test_behind_https_the_cookie_is_for_https_and_this_host_only(locked: Dashboard) -> None:
    cookie = log_in(locked.app.test_client(), **{"X-Forwarded-Proto": "https"}).headers["Set-Cookie"]
    assert cookie.startswith("__Host-ert_session=")
    assert "Secure" in cookie.split("; ")


def test_a_wrong_password_is_told_to_people_and_their_screen_readers(locked: Dashboard) -> None:
    answer = log_in(locked.app.test_client(), "wrong <script>")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert 'role="alert"' in answer.text
    assert 'aria-describedby="problem"' in answer.text
    assert "wrong" not in answer.text


def test_the_page_works_without_script_and_with_labels(locked: Dashboard) -> None:
    client = locked.app.test_client()
    page = client.get("/login")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert 'lang="en"' in page.text
    assert '<label for="password">' in page.text
    assert page.headers["Referrer-Policy"] == "same-origin"  # otherwise the browser sends "Origin: null" with the form
    for link in re.findall(r'href="(/static[^"]+)"', page.text):
        with client.get(link) as linked:
            assert linked.status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
    ],
)
def test_only_the_own_form_logs_in_and_out(locked: Dashboard, headers: dict[str, str], status: int) -> None:
    client = locked.app.test_client()
    assert client.post("/login", data={"password": PASSWORD}, headers=headers).status_code == status
    log_in(client)
    assert client.post("/logout", headers=headers).status_code == status


def test_every_login_gets_a_new_session_and_ends_the_one_before(locked: Dashboard) -> None:
    client = locked.app.test_client()
    planted = "A" * 43
    client.set_cookie("ert_session", planted)
    first = session_of(log_in(client))
    second = session_of(log_in(client))
    assert len({planted, first, second}) == 3
    for old in (planted, first):
        client.set_cookie("ert_session", old)
        assert client.get("/api/status").status_code == 401
    client.set_cookie("ert_session", second)
    assert client.get("/api/status").status_code == 200


def test_logging_out_ends_the_session_on_the_server(locked: Dashboard) -> None:
    client = locked.app.test_client()
    token = session_of(log_in(client))
    assert "Log out" in client.get("/login").text
    assert client.post("/logout", headers=ORIGIN).headers["Location"] == "/login"
    client.set_cookie("ert_session", token)
    assert client.get("/api/status").status_code == 401


def test_logging_out_ends_the_live_connection_of_that_login_only() -> None:
    hung_up: list[str] = []
    valid = {"ann", "bob"}
    watchers = Watchers(hung_up.append, lambda key: key in valid)
    for sid, key in (("1", "ann"), ("2", "ann"), ("3", "bob"), ("4", None)):
        watchers.came(sid, key)
    watchers.left("2")
    watchers.end("ann")
    assert hung_up == ["1"]
    watchers.check()
    assert hung_up == ["1"]
    valid.remove("bob")
    watchers.check()
    watchers.check()
    assert hung_up == ["1", "3"]


def test_a_session_survives_a_restart_and_ends_with_its_time_or_the_password(environ: dict[str, str]) -> None:
    clock = WoundClock()
    with_password = {**environ, "ERT_DASHBOARD_PASSWORD_HASH": HASH, "ERT_DASHBOARD_SESSION_HOURS": "1"}

    def status(environ: dict[str, str], token: str | None) -> tuple[int, str]:
        dashboard = create_dashboard(read_settings(environ), clock=clock)
        try:
            client = dashboard.app.test_client()
            made = session_of(log_in(client)) if token is None else token
            client.set_cookie("ert_session", made)
            return int(client.get("/api/status").status_code), made
        finally:
            dashboard.close()

    _, token = status(with_password, None)
    clock.go(3599)
    assert status(with_password, token)[0] == 200
    assert status({**with_password, "ERT_DASHBOARD_PASSWORD_HASH": hash_password("another password")}, token)[0] == 401
    clock.go(2)
    assert status(with_password, token)[0] == 401


def test_all_pages_have_one_head_and_a_title_each(environ: dict[str, str]) -> None:
    dashboard = create_dashboard(read_settings({**environ, "ERT_DASHBOARD_PASSWORD_HASH": HASH}))
    try:
        client, browser = dashboard.app.test_client(), {"Accept": "text/html"}
        pages = [client.get("/login", headers=browser).text, log_in(client, "a wrong password").text]
        log_in(client)
        pages += [client.get(path, headers=browser).text for path in ("/login", "/nowhere", "/")]
    finally:
        dashboard.close()
    titles = [page.partition("<title>")[2].partition("</title>")[0] for page in pages]
    name = "ERT equity research"
    assert titles == [
        f"Log in - {name}", f"Problem: Log in - {name}", f"Log in - {name}", f"Not found - {name}", name,
    ]  # fmt: skip
    heads = {
        page.partition('type="image/svg+xml">')[0].replace(title, "") for page, title in zip(pages, titles, strict=True)
    }
    assert len(heads) == 1
    assert heads.pop().startswith('<!doctype html>\n<html lang="en">\n<head>\n')


def test_tries_are_limited(environ: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    clock = WoundClock()
    settings = read_settings({**environ, "ERT_DASHBOARD_PASSWORD_HASH": HASH})
    dashboard = create_dashboard(settings, clock=clock)
    try:
        client = dashboard.app.test_client()
        assert [log_in(client, f"guess number {number}").status_code for number in range(5)] == [401] * 5
        refused = log_in(client)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "20")
        assert "Too many tries. Wait 20 s, then try again." in refused.text
        clock.go(20)
        assert log_in(client).status_code == 303
        assert "guess" not in caplog.text
    finally:
        dashboard.close()


@pytest.mark.usefixtures("quick")
def test_wrong_passwords_of_one_visitor_at_render_lock_out_no_other(environ: dict[str, str], start: Start) -> None:
    """All of them come through one edge of Cloudflare, whose address is the last one in X-Forwarded-For."""
    at_render = {"RENDER": "true", "ERT_DASHBOARD_TRUSTED_PROXIES": "private"}
    client = start({**environ, **at_render, "ERT_DASHBOARD_PASSWORD_HASH": HASH}).app.test_client()

    def enter(visitor: str, password: str) -> int:
        edge = {"X-Forwarded-For": f"{visitor}, 172.71.0.9", "CF-Connecting-IP": visitor}
        return int(log_in(client, password, **edge).status_code)

    assert [enter("198.51.100.1", "guess") for _ in range(6)] == [401] * 5 + [429]
    assert enter("198.51.100.2", PASSWORD) == 303


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("asked", "then"),
    [
        ("/reports/AAPL-1.md", "/reports/AAPL-1.md"),
        ("/api/reports?limit=2&x=a%26b", "/api/reports?limit=2&x=a%26b"),
        ("/naïve page", "/na%C3%AFve%20page"),
        ("/" + "x" * 600, "/"),
    ],
)
def test_a_login_leads_on_to_what_was_asked_for(locked: Dashboard, asked: str, then: str) -> None:
    client: Any = locked.app.test_client()
    door = client.get(asked, headers={"Accept": "text/html"}).headers["Location"]
    assert door.startswith("/login")
    assert client.post(door, data={"password": PASSWORD}, headers=ORIGIN).headers["Location"] == then


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "", "x", "/a\r\nX: y", "/a b"],
)
def test_a_login_leads_to_no_other_site(elsewhere: str) -> None:
    assert own_path(elsewhere) == "/"
    assert own_path("/%5Cevil.example") == "/%5Cevil.example"  # a path, and not another site


def test_the_store_holds_no_token_and_no_password(environ: dict[str, str], locked: Dashboard) -> None:
    token = session_of(log_in(locked.app.test_client()))
    with sqlite3.connect(environ["ERT_DASHBOARD_DB"]) as db:
        dump = "\n".join(db.iterdump())
    db.close()
    assert token not in dump
    assert PASSWORD not in dump


def test_a_proxy_that_is_trusted_vouches_for_its_users(environ: dict[str, str], start: Start) -> None:
    behind = {
        **environ,
        "ERT_DASHBOARD_LOGIN_HEADER": "X-Auth-User",
        "ERT_DASHBOARD_TRUSTED_PROXIES": "10.0.0.0/8",
    }
    client = start(behind).app.test_client()

    def status(peer: str, **headers: str) -> int:
        return int(client.get("/api/status", headers=headers, environ_base={"REMOTE_ADDR": peer}).status_code)

    assert status("10.1.1.1", **{"X-Auth-User": "ann"}) == 200
    assert status("10.1.1.1") == 403
    assert status("10.1.1.1", **{"X-Auth-User": " "}) == 403
    assert status("192.0.2.1", **{"X-Auth-User": "ann"}) == 403
    assert status("192.0.2.1", **{"X-Auth-User": "ann", "X-Forwarded-For": "10.1.1.1"}) == 403
    assert client.get("/health").status_code == 200
    handshake = "/socket.io/?EIO=4&transport=polling"
    assert client.get(handshake, environ_base={"REMOTE_ADDR": "10.1.1.1"}).status_code == 403


@pytest.mark.parametrize(
    "half",
    [
        {"ERT_DASHBOARD_LOGIN_HEADER": "X-Auth-User"},
        {"ERT_DASHBOARD_LOGIN_HEADER": "X Auth", "ERT_DASHBOARD_TRUSTED_PROXIES": "private"},
        {
            "ERT_DASHBOARD_LOGIN_HEADER": "X-Auth-User",
            "ERT_DASHBOARD_TRUSTED_PROXIES": "private",
            "ERT_DASHBOARD_PASSWORD_HASH": HASH,
        },
        {"ERT_DASHBOARD_SESSION_HOURS": "0"},
    ],
)
def test_half_a_login_is_no_start(environ: dict[str, str], half: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match="ERT_DASHBOARD_"):
        read_settings({**environ, **half})


def test_health_says_which_login_there_is(client: Any, locked: Dashboard) -> None:
    for asked, login in ((client, "none"), (locked.app.test_client(), "password")):
        answer: Any = asked.get("/health").json
        assert answer["features"]["login"] == login
