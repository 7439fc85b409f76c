"""What becomes text for HAProxy is checked before: a value cannot be a line, a command or another server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.proxy.haproxy import added, files
from ert_deploy.proxy.servers import Proxy, ProxyServer
from tests.support.certificates.self_signed import certificate

PEM, SECRET = certificate("203.0.113.7")[0], "ert-Zk3_9aQx7LmN0pRsT2uVwXyZ-4bC5dEf"
GOOD = ProxyServer(1, "https://203.0.113.7:8443", PEM, Secret(SECRET))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"url": "http://203.0.113.7:8443"}, "url is not of the form"),
        ({"url": "https://example.org"}, "url is not of the form"),
        ({"url": "https://203.0.113.7:8443/x"}, "url is not of the form"),
        ({"url": "https://a@203.0.113.7:8443"}, "url is not of the form"),
        ({"url": "https://203.0.113.7:99999"}, "url is not of the form"),
        ({"certificate": "x"}, "certificate is not"),
        ({"certificate": PEM + PEM}, "certificate is not"),
        ({"certificate": PEM.replace("-----END", "evil;quit\n-----END")}, "certificate is not"),
        ({"key": Secret("ert-short; show env")}, "key holds"),
        ({"key": Secret("ert-line\nquit-0123456789")}, "key holds"),
        ({"slots": 0}, "slots are not"),
        ({"number": 9}, "a proxy has servers from 1 to 8"),
    ],
)
def test_a_value_that_haproxy_would_read_otherwise_is_refused(changes: dict[str, object], problem: str) -> None:
    server = replace(GOOD, **changes)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=problem) as raised:
        files(Proxy(8080, "/run/ert", (server,)))
    assert SECRET not in str(raised.value)
    with pytest.raises(UsageError, match=problem):
        added(Proxy(8080, "/run/ert", (GOOD,)), server)


@pytest.mark.parametrize(
    "proxy",
    [
        Proxy(0, "/run/ert", (GOOD,)),
        Proxy(8080, "run/ert", (GOOD,)),
        Proxy(8080, "/run/e t", (GOOD,)),
        Proxy(8080, "/run/ert\nglobal", (GOOD,)),
        Proxy(8080, "/run/ert", ()),
        Proxy(8080, "/run/ert", (GOOD, GOOD)),
    ],
)
def test_a_proxy_that_cannot_be_is_refused(proxy: Proxy) -> None:
    with pytest.raises(UsageError):
        files(proxy)


def test_keys_are_in_one_file_and_an_address_may_be_ipv6() -> None:
    second = replace(GOOD, number=2, url="https://[2001:db8::7]:8443", certificate=PEM.replace("\n", "\r\n\r\n"))
    found = files(Proxy(8080, "/run/ert", (second, GOOD)))
    assert set(found) == {"haproxy.cfg", "keys.map", "ca-1.pem", "ca-2.pem"}
    assert [name for name, content in found.items() if SECRET in content.reveal()] == ["keys.map"]
    assert found["keys.map"].reveal() == f"1 {SECRET}\n2 {SECRET}\n"
    assert found["ca-1.pem"].reveal() == found["ca-2.pem"].reveal() == PEM
    assert "server r2 [2001:db8::7]:8443 ssl verify required" in found["haproxy.cfg"].reveal()
