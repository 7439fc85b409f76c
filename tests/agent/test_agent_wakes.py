"""Waking by the agent over real HTTP: any number of requests are one start, and no error of a provider ends it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from threading import Event, RLock

import pytest

from ert_deploy.agent import keeper
from ert_deploy.agent.flight import Flight
from ert_deploy.core.model.errors import CannotObserve, Failed, Transient
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.verdict.starts import Policy
from tests.support.agent.served import KEY, LONG, Agent, agent, eventually
from tests.support.agent.shared import shared
from tests.support.fakes.history import is_up
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.fakes.sleep import asleep, awake, is_asleep

REQUEST = f"POST /wake HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer {KEY.reveal()}\r\nConnection: close\r\n\r\n"


async def at_once(port: int, count: int) -> list[int]:
    """Send that many requests on connections that are all open before the first response."""
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    for _, writer in pairs:
        writer.write(REQUEST.encode())
    replies = await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in pairs)), LONG)
    for _, writer in pairs:
        writer.close()
    return [int(reply.split()[1]) for reply in replies]


def woken(one: Agent) -> None:
    """Repeat the request as an app does, until it is ready."""
    eventually(lambda: one.wake().status_code == 200)


def test_a_thousand_requests_at_once_are_one_start() -> None:
    made, go = asleep(), Event()

    def hold(_port: str, method: str) -> None:
        if method == "start":
            assert go.wait(LONG)

    with agent(shared(made, hold)) as one:
        statuses = asyncio.run(at_once(one.port, 1000))
        assert set(statuses) == {202}
        assert one.backend()["phase"] == "waking"
        go.set()
        woken(one)
        found = one.backend()
    is_up(made)
    assert made.gpu.faults.calls.count("start") == 1
    assert made.gpu.faults.calls.count("create") == 1  # that of the first `up`
    assert (found["phase"], found["url"]) == ("ready", f"https://203.0.113.7:{made.gpu.only().port}")


def test_a_request_while_it_sleeps_waits_for_no_second_look() -> None:
    made = asleep()
    with agent(shared(made)) as one:
        eventually(lambda: one.keepers[0].view.look)
        reads = made.gpu.faults.calls.count("list"), made.gpu.faults.calls.count("logs")
        looked = one.backend()["at"]
        made.gpu.only().taken = True  # the run itself sees what has changed
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keeper, "Flight", Grounded)
            assert one.wake().status_code == 202
        assert (made.gpu.faults.calls.count("list"), made.gpu.faults.calls.count("logs")) == reads
        assert one.backend()["at"] == looked


class Grounded(Flight):
    """A run that never begins."""

    def begin(self) -> None:
        """Do nothing."""

    def join(self, seconds: float) -> None:
        """Do nothing."""


def test_a_taken_gpu_is_replaced_and_the_app_is_moved() -> None:
    made = asleep()
    made.gpu.only().taken = True
    with agent(shared(made)) as one:
        woken(one)
        eventually(lambda: one.keepers[0].view.flight is None)
    is_up(made)
    assert made.gpu.most_paid == 2


def test_two_agents_on_one_state_start_one_machine() -> None:
    made, lock = asleep(), RLock()
    with agent(shared(made, lock=lock)) as one, agent(shared(made, lock=lock)) as two:
        assert {one.wake().status_code, two.wake().status_code} <= {200, 202}
        woken(one)
        woken(two)
        assert one.backend()["generation"] == two.backend()["generation"]
    is_up(made)
    assert made.gpu.faults.calls.count("start") == 1


def test_a_run_of_somebody_else_is_no_error() -> None:
    made = asleep()
    made.store.holder = "operator"
    with agent(shared(made)) as one:
        assert one.wake().status_code == 202
        eventually(lambda: one.backend()["reason"] == "another run works on it")
        assert one.backend()["phase"] == "unknown"
        assert one.wake().status_code == 202
        assert set(one.keepers[0].counts.runs) == {("wake", "busy")}
    assert made.gpu.faults.calls.count("start") == 0


def test_what_serves_is_not_started_again() -> None:
    made = awake()
    with agent(shared(made)) as one:
        assert [one.wake().status_code for _ in range(3)] == [200, 200, 200]
    assert made.gpu.faults.calls.count("start") == 0


def test_nothing_is_rented_where_nothing_exists() -> None:
    made = world()
    with agent(shared(made)) as one:
        reply = one.wake()
        assert (reply.status_code, reply.json()["reason"]) == (409, "nothing_to_wake")
        assert one.backend()["phase"] == "gone"
    assert made.gpu.paid() == ()


def test_a_start_beyond_the_limit_is_refused_until_the_hour_is_over() -> None:
    made = asleep()
    deployment = shared(made)
    limited = replace(deployment.settings, policy=Policy(wakes_per_hour=1))
    with agent(replace(deployment, settings=limited)) as one:
        reply = one.wake()  # the first `up` has rented in the same hour
        assert (reply.status_code, reply.json()["reason"]) == (429, "wakes_per_hour")
        assert 0 < int(reply.headers["Retry-After"]) <= 3600
        is_asleep(made)
        made.clock.go_on(3600)
        woken(one)
        assert one.wake().status_code == 200
    is_up(made)
    assert made.gpu.faults.calls.count("start") == 1


def test_a_provider_that_cannot_be_read_is_asked_again_and_ends_nothing() -> None:
    made = asleep()
    made.gpu.faults.queued["list"] = [CannotObserve("no answer from the market")]
    with agent(shared(made)) as one:
        eventually(lambda: one.keepers[0].counts.failed_looks)
        reply = one.wake()
        assert (reply.status_code, reply.json()["reason"]) == (503, "unavailable")
        assert int(reply.headers["Retry-After"]) >= 1
        found = one.backend()
        assert (found["phase"], found["url"]) == ("unknown", None)
        assert found["reason"] == "no answer from the market"
        assert one.keepers[0].alive


def test_a_defect_ends_neither_the_agent_nor_its_secrets() -> None:
    made, broken = asleep(), [True]

    def fails(port: str, method: str) -> None:
        if (port, method) == ("gpu", "list_instances") and broken:
            broken.pop()
            raise RuntimeError("with a secret in it")

    with agent(shared(made, fails)) as one:
        eventually(lambda: one.keepers[0].view.error)
        assert "RuntimeError" in one.backend()["reason"]
        assert "secret" not in str(one.backend()) + str(one.watcher.notes)
        assert one.call("GET", "/healthz").json() == {"status": "ok", "deployments": 1}


def test_a_wake_that_fails_says_why_and_is_tried_again_later() -> None:
    made = asleep()
    made.gpu.only().taken = True
    made.gpu.offers = ()
    with agent(shared(made)) as one:
        assert one.wake().status_code == 202
        eventually(lambda: one.keepers[0].counts.runs)
        eventually(lambda: one.backend()["phase"] == "failed")
        assert "no offer" in one.backend()["reason"]
        assert one.wake().status_code in (202, 409)
        assert sum(one.keepers[0].counts.runs.values()) == 1
    is_asleep(made)


def settled(one: Agent, made: FakeWorld) -> None:
    """Wait until it serves and no run is under way."""
    eventually(lambda: one.backend()["phase"] == "ready" and one.keepers[0].view.flight is None)
    is_up(made)


def test_an_outbid_machine_is_replaced_without_a_request() -> None:
    made = awake()
    with agent(shared(made), every=0.02) as one:
        eventually(lambda: one.backend()["phase"] == "ready")
        only = made.gpu.only()
        only.override = lambda i: replace(i, outbid=True, bid=True) if i.halted else i
        only.taken = only.halted = True
        eventually(lambda: made.gpu.faults.calls.count("create") == 2)
        settled(one, made)
    assert any("outbid" in note for note in one.watcher.notes)


def test_a_lost_machine_is_replaced_if_it_ran() -> None:
    made = awake()
    with agent(shared(made), every=0.02) as one:
        eventually(lambda: one.backend()["phase"] == "ready")
        made.gpu.only().destroyed = made.clock.real()
        eventually(lambda: made.gpu.faults.calls.count("create") == 2)
        settled(one, made)


@pytest.mark.parametrize("how", ["sleep", "guard", "nobody"])
def test_what_sleeps_on_purpose_is_left_asleep(how: str) -> None:
    made = asleep() if how == "sleep" else awake()
    if how == "guard":
        made.gpu.log = "guard: off-switch active\nguard: idle for 1200 s: asked to stop this instance"
    made.gpu.only().halted = True
    with agent(shared(made), every=0.02) as one:
        eventually(lambda: one.backend()["phase"] == "asleep")
        before = made.gpu.faults.calls.count("list")
        eventually(lambda: made.gpu.faults.calls.count("list") > before + 3)
        assert one.keepers[0].counts.runs == {}
    assert made.gpu.faults.calls.count("start") == 0


def test_a_machine_whose_own_switch_failed_is_put_to_sleep() -> None:
    made = awake()
    made.backend.reported = Figures(idle=5000.0, idle_stop=1200.0, active=0, waiting=0)
    with agent(shared(made), every=0.02) as one:
        eventually(lambda: one.backend()["phase"] == "asleep")
        assert one.keepers[0].counts.runs == {("sleep", "done"): 1}
    is_asleep(made)


def test_without_the_web_host_it_wakes_and_tells_the_address_but_changes_no_variable() -> None:
    made = asleep()
    only = made.gpu.only()
    only.moves = 1000
    calls = len(made.web.faults.calls)
    with agent(shared(made), unpublished="no Render API key") as one:
        woken(one)
        found = one.backend()
    assert len(made.web.faults.calls) == calls
    assert (found["can_publish"], found["reason"]) == (False, "no Render API key")
    assert (found["phase"], found["url"]) == ("ready", f"https://203.0.113.7:{only.port}")
    assert found["certificate"].startswith("-----BEGIN CERTIFICATE-----")


def test_without_the_web_host_a_taken_gpu_waits_for_a_person() -> None:
    made = asleep()
    made.gpu.only().taken = True
    with agent(shared(made), unpublished="no Render API key") as one:
        assert one.wake().status_code == 202
        eventually(lambda: one.keepers[0].counts.runs)
        reply = one.wake()
        assert (reply.status_code, reply.json()["reason"]) == (409, "needs_attention")
        assert "another machine is needed" in reply.json()["error"]
    is_asleep(made)


def test_errors_while_it_boots_do_not_end_the_wake() -> None:
    made = asleep()
    made.gpu.faults.queued["start"] = [Transient("429"), Transient("429")]
    made.web.faults.queued["read_env"] = [CannotObserve("no answer"), Failed("broken")]
    with agent(shared(made), every=0.02) as one:
        one.wake()
        eventually(lambda: one.wake().status_code == 200)
        settled(one, made)
