"""HAProxy before three real TLS servers: one queue, a pin and a key each, and what a lost or drained one costs."""

from __future__ import annotations

import http.client
import subprocess
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ert_deploy.proxy.haproxy import added, drained
from ert_deploy.proxy.servers import Proxy
from tests.support.certificates.self_signed import certificate
from tests.support.dashboard.following import until
from tests.support.proxy.running import HAPROXY, Machine, machines, needs_haproxy, running, write

pytestmark = [needs_haproxy, pytest.mark.process]


@pytest.fixture(scope="module")
def started() -> Iterator[list[Machine]]:
    with machines(4) as found:
        yield found


@pytest.fixture
def four(started: list[Machine]) -> list[Machine]:
    """Return four servers that have been sent nothing yet."""
    for machine in started:
        machine.told("DELETE")
    return started


def posts(machine: Machine) -> int:
    return sum(path.startswith("/v1/") for path in machine.told()["paths"])


@pytest.mark.parametrize("count", [1, 3, 8])
def test_haproxy_reads_the_configuration(count: int, tmp_path: Path) -> None:
    found = [Machine(certificate()[0], 8443 + at, None) for at in range(count)]  # type: ignore[arg-type]
    config = write(Proxy(8080, str(tmp_path), tuple(one.replica(at) for at, one in enumerate(found, 1))))
    assert HAPROXY is not None
    read = subprocess.run([HAPROXY, "-c", "-f", str(config)], capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
    assert "ert-key-of" not in config.read_text()


def test_one_queue_gives_each_machine_its_slots_and_its_own_key(four: list[Machine]) -> None:
    with running([four[0].replica(1), four[1].replica(2, slots=2), four[2].replica(3)]) as proxy:
        assert proxy.load(24, 12) == {200: 24}
    told = [machine.told() for machine in four[:3]]
    assert [one["peak"] for one in told] == [1, 2, 1]
    assert [one["done"] for one in told] == pytest.approx([6, 12, 6], abs=2)
    for number, one in enumerate(told, 1):
        assert set(one["keys"]) == {f"Bearer ert-key-of-{number}"}


def test_a_machine_with_another_certificate_is_sent_nothing(four: list[Machine]) -> None:
    wrong = four[0].replica(1, pem=four[3].pem)
    with running([wrong, four[1].replica(2), four[2].replica(3)], up=2) as proxy:
        assert proxy.load(12, 6) == {200: 12}
        assert proxy.up() == {"r2", "r3"}
    assert four[0].told()["connections"] > 1
    assert (four[0].told()["bytes"], four[0].told()["paths"]) == (0, [])


def test_a_killed_machine_costs_at_most_what_it_was_writing() -> None:
    with machines(3) as three, running([one.replica(at) for at, one in enumerate(three, 1)]) as proxy:
        results = proxy.load(30, 9, three[0].kill)
        assert results[200] >= 29
        assert results.total() == 30
        assert proxy.up() == {"r2", "r3"}
        assert proxy.load(6, 3) == {200: 6}
        three[1].kill()
        assert proxy.load(6, 1) == {200: 6}


def test_a_machine_that_drains_ends_what_it_has_and_gets_no_more(four: list[Machine]) -> None:
    with running([four[0].replica(1), four[1].replica(2)]) as proxy:
        ended: list[int] = []
        first = [threading.Thread(target=lambda: ended.append(proxy.ask("/v1/stream"))) for _ in range(2)]
        for thread in first:
            thread.start()
        until(lambda: [machine.told()["busy"] for machine in four[:2]] == [1, 1])
        assert proxy.admin(drained(1)) == [""]
        four[1].told("PUT")
        assert proxy.load(4, 2) == {200: 4}
        assert (ended, proxy.up()) == ([200], {"r2"})
        four[0].told("PUT")
        for thread in first:
            thread.join()
        assert ended == [200, 200]
    assert (posts(four[0]), posts(four[1])) == (1, 5)


def test_a_machine_is_added_with_its_own_pin_while_requests_go_on(four: list[Machine]) -> None:
    with running([four[0].replica(1), four[1].replica(2)]) as proxy:

        def add() -> None:
            said = proxy.admin(*added(proxy.proxy, four[2].replica(5, slots=2)))
            assert not [one for one in said if "rror" in one or "nvalid" in one or "an't" in one], said

        assert proxy.load(24, 6, add) == {200: 24}
        until(lambda: proxy.up() == {"r1", "r2", "r5"})
        assert set(four[2].told()["keys"]) <= {"Bearer ert-key-of-5"}
        four[2].told("DELETE")  # as one comes up, HAProxy takes its slots once more from the queue
        assert proxy.load(12, 6) == {200: 12}
    assert set(four[2].told()["keys"]) == {"Bearer ert-key-of-5"}
    assert four[2].told()["peak"] == 2


def test_one_that_is_added_with_a_wrong_pin_is_sent_nothing(four: list[Machine]) -> None:
    with running([four[0].replica(1)]) as proxy:
        proxy.admin(*added(proxy.proxy, four[1].replica(2, pem=four[2].pem)))
        until(lambda: four[1].told()["connections"] > 2)
        until(lambda: proxy.up() == {"r1"})
        assert proxy.load(6, 3) == {200: 6}
    assert four[1].told()["bytes"] == 0


def test_a_replica_is_replaced_by_another_machine_under_load(four: list[Machine]) -> None:
    with running([four[0].replica(1), four[1].replica(2)]) as proxy:
        second, replaced = four[1].replica(2, slots=2), four[3].replica(1)
        assert proxy.load(30, 4, lambda: proxy.reload(replace(proxy.proxy, servers=(replaced, second)))) == {200: 30}
        before = posts(four[0])
        until(lambda: proxy.up() == {"r1", "r2"})
        assert proxy.load(12, 6) == {200: 12}
    assert posts(four[0]) == before
    assert posts(four[3]) > 0


def test_a_replica_is_removed_while_requests_wait_for_it(four: list[Machine]) -> None:
    with running([four[0].replica(1), four[1].replica(2)]) as proxy:
        left = replace(proxy.proxy, servers=(four[0].replica(1),))
        assert proxy.load(40, 9, lambda: proxy.reload(left)) == {200: 40}
        assert proxy.up() == {"r1"}
    assert set(four[0].told()["keys"]) == {"Bearer ert-key-of-1"}


def test_a_connection_that_is_kept_open_outlives_a_reload(four: list[Machine]) -> None:
    with running([four[0].replica(1)]) as proxy:
        kept = http.client.HTTPConnection("127.0.0.1", proxy.proxy.port, timeout=20)
        codes = []
        for _ in range(2):
            kept.request("POST", "/v1/chat/completions", b"{}")
            codes.append(kept.getresponse().read() and 200)
            proxy.reload(replace(proxy.proxy, servers=(four[1].replica(1),)))
        kept.close()
    assert codes == [200, 200]
    assert (posts(four[0]), posts(four[1])) == (1, 1)


def test_only_v1_is_passed_on_and_a_stream_comes_as_it_is_written(four: list[Machine]) -> None:
    with running([four[0].replica(1)]) as proxy:
        refused = [proxy.ask(path, method="GET") for path in ("/health", "/status", "/admin/keys", "/v1x", "//v1/")]
        assert Counter(refused) == {404: 5}
        url = f"http://127.0.0.1:{proxy.proxy.port}/v1/stream"
        with urllib.request.urlopen(urllib.request.Request(url, b"{}", method="POST"), timeout=20) as answer:
            assert answer.readline() == b"data: first\n"
            four[0].told("PUT")
            assert answer.read().endswith(b"data: second\n\n")
        assert proxy.ask(size=300_000) == 200
    assert set(four[0].told()["paths"]) == {"/health", "/v1/stream", "/v1/chat/completions"}
    assert set(four[0].told()["keys"]) == {"Bearer ert-key-of-1"}


def test_a_client_that_leaves_gives_its_place_up(four: list[Machine]) -> None:
    with running([four[0].replica(1)]) as proxy:
        leaves = proxy.connected("/v1/stream")
        until(lambda: four[0].told()["busy"] == 1)
        proxy.connected("/v1/chat/completions").close()  # it waits behind the first one
        leaves.close()
        until(lambda: four[0].told()["busy"] == 0)
        assert proxy.ask() == 200
    assert [path for path in four[0].told()["paths"] if path != "/health"] == ["/v1/stream", "/v1/chat/completions"]


def test_without_a_machine_the_answer_is_503_at_once(four: list[Machine]) -> None:
    with running([four[0].replica(1, pem=four[1].pem)], up=0) as proxy:
        assert proxy.ask() == 503
