"""Rate limits: a bucket per client, client addresses, and 429 responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ert_dashboard.auth.access import read_access
from ert_dashboard.auth.client_address import Proxies, read_proxies
from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.rate_limit import Rates
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.manual_clock import WoundClock

Start = Callable[[dict[str, str]], Dashboard]


def test_a_bucket_gives_its_burst_and_fills_again() -> None:
    clock = WoundClock()
    rates = Rates(2, 3, clock)
    assert [rates.take("a") for _ in range(3)] == [0, 0, 0]
    assert rates.take("a") == pytest.approx(0.5)
    assert rates.take("b") == 0
    clock.go(0.5)
    assert rates.take("a") == 0
    assert rates.take("a") > 0
    clock.go(3600)
    assert [rates.take("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_a_refused_try_costs_nothing() -> None:
    clock = WoundClock()
    rates = Rates(1, 1, clock)
    rates.take()
    assert [rates.take() for _ in range(100)] == [1.0] * 100
    clock.go(1)
    assert rates.take() == 0


def test_many_addresses_cost_no_memory() -> None:
    rates = Rates(1, 1, WoundClock(), most_keys=10)
    assert [rates.take(str(number)) for number in range(1000)] == [0] * 1000
    assert rates.take("999") > 0


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "client"),
    [
        ("", "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("private", "10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("private", "10.1.2.3", "1.1.1.1, 198.51.100.1, 192.168.0.1", "198.51.100.1"),
        ("private", "10.1.2.3", "", "10.1.2.3"),
        ("private", "10.1.2.3", "nonsense", "10.1.2.3"),
        ("private", "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.0/8,198.51.100.0/24", "10.1.2.3", "8.8.8.8, 198.51.100.1", "8.8.8.8"),
        ("private", "::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("", "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("", "", "", "unknown"),
    ],
)
def test_who_asks(proxies: str, peer: str, forwarded: str, client: str) -> None:
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    assert read_proxies(proxies, "X").client(environ) == client


RENDER = {"RENDER": "true", "ERT_DASHBOARD_TRUSTED_PROXIES": "private"}
BOTH = {"ERT_DASHBOARD_CLIENT_HEADER": "CF-Connecting-IP, True-Client-IP"}
OFF = {"ERT_DASHBOARD_CLIENT_HEADER": "none"}


@pytest.mark.parametrize(
    ("settings", "peer", "headers", "client"),
    [
        # As at Render: the peer is private, and the last forwarded address is that of Cloudflare's edge.
        (RENDER, "10.21.157.68", {"CF_CONNECTING_IP": "198.51.100.1"}, "198.51.100.1"),
        (RENDER, "10.21.157.68", {"CF_CONNECTING_IP": "2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"),
        (RENDER, "10.21.157.68", {}, "172.71.0.9"),
        (RENDER, "10.21.157.68", {"CF_CONNECTING_IP": "198.51.100.1,198.51.100.2"}, "172.71.0.9"),
        (RENDER, "10.21.157.68", {"TRUE_CLIENT_IP": "198.51.100.1"}, "172.71.0.9"),
        # A client whom no proxy vouches for, and settings that trust none, or another header.
        (RENDER, "203.0.113.9", {"CF_CONNECTING_IP": "198.51.100.1"}, "203.0.113.9"),
        ({"RENDER": "true"}, "10.21.157.68", {"CF_CONNECTING_IP": "198.51.100.1"}, "10.21.157.68"),
        ({**RENDER, "RENDER": ""}, "10.21.157.68", {"CF_CONNECTING_IP": "198.51.100.1"}, "172.71.0.9"),
        ({**RENDER, **OFF}, "10.21.157.68", {"CF_CONNECTING_IP": "198.51.100.1"}, "172.71.0.9"),
        ({**RENDER, **BOTH}, "10.21.157.68", {"TRUE_CLIENT_IP": "198.51.100.1"}, "198.51.100.1"),
        (
            {**RENDER, **BOTH},
            "10.21.157.68",
            {"TRUE_CLIENT_IP": "198.51.100.1", "CF_CONNECTING_IP": "198.51.100.2"},
            "198.51.100.2",
        ),
    ],
)
def test_a_header_of_the_host_names_the_client_if_a_trusted_peer_sent_it(
    settings: dict[str, str], peer: str, headers: dict[str, str], client: str
) -> None:
    forwarded = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "99.61.165.29, 172.71.0.9"}
    environ = forwarded | {f"HTTP_{name}": value for name, value in headers.items()}
    assert read_access(settings).proxies.client(environ) == client


@pytest.mark.parametrize("settings", [BOTH, {**RENDER, "ERT_DASHBOARD_CLIENT_HEADER": "CF Connecting"}])
def test_a_client_header_that_cannot_be_relied_on_stops_the_start(settings: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match="ERT_DASHBOARD_CLIENT_HEADER"):
        read_access(settings)


def test_proxies_that_are_none_are_named() -> None:
    assert Proxies().trusts("127.0.0.1") is False
    with pytest.raises(BadSetting, match="ERT_X"):
        read_proxies("10.0.0.0/8, everybody", "ERT_X")


def test_a_client_that_asks_too_often_waits_and_others_do_not(environ: dict[str, str], start: Start) -> None:
    slow = {**environ, "ERT_DASHBOARD_REQUESTS_PER_SECOND": "0.5", "ERT_DASHBOARD_TRUSTED_PROXIES": "127.0.0.1"}
    client = start(slow).app.test_client()

    def ask(address: str, path: str = "/api/status") -> Any:
        return client.get(path, headers={"X-Forwarded-For": address})

    assert [ask("198.51.100.1").status_code for _ in range(3)] == [200, 200, 429]
    refused = ask("198.51.100.1", "/socket.io/?EIO=4&transport=polling")
    assert (refused.status_code, refused.json["success"]) == (429, False)
    assert 1 <= int(refused.headers["Retry-After"]) <= 2
    assert refused.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert ask("198.51.100.2").status_code == 200
    assert ask("198.51.100.1", "/health").status_code == 200


def test_reports_have_a_limit_of_their_own(environ: dict[str, str], start: Start) -> None:
    client = start({**environ, "ERT_DASHBOARD_REPORTS_PER_HOUR": "1"}).app.test_client()
    answers = [client.post("/api/generate", json={"ticker": "UNKNOWN"}).status_code for _ in range(21)]
    assert answers == [404] * 20 + [429]
    assert client.get("/api/status").status_code == 200
