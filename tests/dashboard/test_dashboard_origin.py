"""Names and origins: the Host header, and one rule for POSTs and live connections, also behind proxies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from ert_dashboard.auth.client_address import read_proxies
from ert_dashboard.auth.origin import read_hosts, same_origin
from ert_dashboard.base.env import BadSetting
from ert_dashboard.web.app import Dashboard

Start = Callable[[dict[str, str]], Dashboard]
SOCKET = "/socket.io/?EIO=4&transport=polling"
RENDER = {"RENDER": "true", "RENDER_EXTERNAL_HOSTNAME": "ert-dashboard.onrender.com"}
PROXY = {"ERT_DASHBOARD_TRUSTED_PROXIES": "127.0.0.1"}
# What three usual proxies send: nginx that keeps Host; Apache with ProxyPreserveHost off; two hops, the last one http.
NGINX = {"Host": "ert.example.com", "Origin": "https://ert.example.com"}
APACHE = {
    "Host": "127.0.0.1:10000",
    "X-Forwarded-Host": "ert.example.com",
    "X-Forwarded-Proto": "https",
    "Origin": "https://ert.example.com",
}
TWO_HOPS = {"Host": "ert.example.com", "X-Forwarded-Proto": "http", "Origin": "https://ert.example.com"}


def doors(dashboard: Dashboard, headers: dict[str, str]) -> tuple[int, int, bool]:
    """Return what a POST, the handshake of a page, and the gate of the asynchronous server say of these headers."""
    client: Any = dashboard.app.test_client()
    posted = client.post("/api/watchlist_prices", json={"tickers": []}, headers=headers).status_code
    shaken = client.get(SOCKET, headers=headers).status_code
    gate = dashboard.access.refusal(
        EnvironBuilder("/socket.io/", headers=list(headers.items())).get_environ() | {"REMOTE_ADDR": "127.0.0.1"}
    )
    return posted, shaken, gate is None


@pytest.mark.parametrize("headers", [NGINX, APACHE, TWO_HOPS], ids=["nginx", "apache", "two hops"])
def test_behind_a_usual_proxy_every_door_opens_to_the_own_page(
    environ: dict[str, str], start: Start, headers: dict[str, str]
) -> None:
    assert doors(start({**environ, **PROXY}), headers) == (200, 200, True)


@pytest.mark.parametrize(
    "headers",
    [
        {**NGINX, "Origin": "https://evil.example"},
        {**APACHE, "Origin": "https://evil.example"},
        {**TWO_HOPS, "Origin": "null"},
        {**NGINX, "Origin": "https://ert.example.com:8443"},
        {**NGINX, "Sec-Fetch-Site": "cross-site"},
        {"Host": "ert.example.com", "Origin": "https://ert.example.com.evil.example"},
    ],
)
def test_another_site_finds_every_door_closed(environ: dict[str, str], start: Start, headers: dict[str, str]) -> None:
    assert doors(start({**environ, **PROXY}), headers) == (403, 403, False)


def test_a_host_that_only_a_stranger_forwards_changes_nothing_and_is_explained(
    environ: dict[str, str], start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    dashboard = start(environ)
    for _ in range(3):
        assert doors(dashboard, APACHE) == (403, 403, False)
    assert caplog.text.count("ERT_DASHBOARD_TRUSTED_PROXIES") == 1
    assert "ert.example.com" not in caplog.text


@pytest.mark.parametrize(
    ("host", "origin", "same"),
    [
        ("ert.example.com:443", "https://ert.example.com", True),
        ("ert.example.com", "https://ert.example.com:443", True),
        ("ERT.example.com", "https://ert.example.com", True),
        ("[::1]:10000", "http://[::1]:10000", True),
        ("ert.example.com:80", "https://ert.example.com", False),
        ("ert.example.com", "ftp://ert.example.com", False),
        ("ert.example.com:99999", "https://ert.example.com", False),
        ("", "https://ert.example.com", False),
        ("ert.example.com", "https://[", False),
        ("ert.example.com", "", False),
    ],
)
def test_a_host_and_an_origin_are_compared_with_their_ports(host: str, origin: str, same: bool) -> None:
    asked = Request({"REMOTE_ADDR": "203.0.113.9", "HTTP_HOST": host, "HTTP_ORIGIN": origin, "REQUEST_METHOD": "POST"})
    assert same_origin(asked, read_proxies("private", "X")) is same


@pytest.mark.parametrize(
    ("listed", "host", "accepted"),
    [
        ("render", "ert-dashboard.onrender.com", True),
        ("render", "ERT-dashboard.onrender.com.:443", True),
        ("render", "ert.example.com", False),
        ("render", "127.0.0.1:10000", True),
        ("render", "[::1]:10000", True),
        ("render", "ert-dashboard:10000", True),
        ("render", "", False),
        ("render", "a b.example.com", False),
        ("render", "evil.example:99999", False),
        ("ert.example.com", "ert.example.com", True),
        ("ert.example.com", "ert-dashboard.onrender.com", True),
        ("ert.example.com", "a.ert.example.com", False),
        ("*.Example.com, other.example", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "evilexample.com", False),
        ("any", "evil.example", True),
        ("", "evil.example", True),
    ],
)
def test_at_render_only_the_own_names_are_served(listed: str, host: str, accepted: bool) -> None:
    assert read_hosts({**RENDER, "ERT_DASHBOARD_HOSTS": listed}).accept(host) is accepted


@pytest.mark.parametrize(
    "listed", ["https://ert.example.com", "any, ert.example.com", "*", "ert.example.com/x", "a.*.b"]
)
def test_names_that_are_none_stop_the_start(listed: str) -> None:
    with pytest.raises(BadSetting, match="ERT_DASHBOARD_HOSTS"):
        read_hosts({"ERT_DASHBOARD_HOSTS": listed})


def test_a_request_for_another_name_is_told_what_to_set(
    environ: dict[str, str], start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    client: Any = start({**environ, **RENDER, "ERT_DASHBOARD_HOSTS": "render"}).app.test_client()
    for path in ("/", "/api/status", SOCKET, "/nothing"):
        refused = client.get(path, headers={"Host": "evil.example", "Accept": "text/html"})
        assert refused.status_code == 400, path
        assert "ERT_DASHBOARD_HOSTS" in refused.json["error"]
        assert "evil" not in refused.text + caplog.text
    assert caplog.text.count("ERT_DASHBOARD_HOSTS") == 1
    assert client.get("/health", headers={"Host": "evil.example"}).status_code == 200  # the web host's own check
    assert client.get("/api/status", headers={"Host": RENDER["RENDER_EXTERNAL_HOSTNAME"]}).status_code == 200


def test_every_name_is_served_until_they_are_listed(environ: dict[str, str], start: Start) -> None:
    named = {"ERT_DASHBOARD_HOSTS": "ert.example.com"}
    for listed, status in (({}, 200), (RENDER, 200), ({"ERT_DASHBOARD_HOSTS": "render"}, 200), (named, 400)):
        client: Any = start({**environ, **listed}).app.test_client()
        assert client.get("/api/status", headers={"Host": "other.example"}).status_code == status
        assert client.get("/api/status", headers={"Host": "ert.example.com"}).status_code == 200
