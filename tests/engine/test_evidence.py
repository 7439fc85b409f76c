"""What a failed machine left is stored before its container is destroyed, bounded and without secrets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.boot.failure import LINES, MOST_FAILURES, WIDTH, Failure, exit_code, last_lines
from ert_deploy.core.model.errors import CannotObserve, Failed
from ert_deploy.core.model.observed import Health, Instance, Vital
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.engine.effects import Method
from ert_deploy.ports import GpuHost
from ert_deploy.providers.vast.messages import read
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, down, is_up, start, up
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.fakes.market import FakeInstance
from tests.support.vast.says import says

KEY = "ert-Q0aZ7pX1bY2cW3dV4eU5fT6gS7hR8iK9"


def exited(code: int) -> behaviours.Conduct:
    def show(found: Instance) -> Instance:
        return replace(found, **says("exited"), message=read(f"Error: container exited with code {code}"), address=None)

    def exit_early(made: FakeInstance) -> None:
        made.override = show

    return exit_early


def made_with_log(text: str, *machines: str, code: int = 137) -> FakeWorld:
    """Return a world whose machines exit with that log: by default killed by their host."""
    made = world()
    made.gpu.log = text
    made.gpu.conduct = dict.fromkeys(machines or map(str, range(1001, 1013)), exited(code))
    return made


def test_message_exit_code_and_log_are_in_the_state_and_in_the_error() -> None:
    made = made_with_log("starting\nValueError: ERT_MODEL is missing\n", code=3)
    with pytest.raises(Failed, match="its container exits by itself") as failed:
        up(made)
    assert "exit code 3" in failed.value.detail
    assert "  ValueError: ERT_MODEL is missing" in failed.value.detail
    found = made.store.state.failures
    assert [(f.machine_id, f.exit_code, f.log.splitlines()[-1]) for f in found] == [
        ("1001", "3", "ValueError: ERT_MODEL is missing")
    ]
    assert found[0].status == "exited, exited"
    assert found[0].message == "Error: container exited with code 3"
    down(made)
    assert made.store.state.failures == found, "they outlive the deployment"


def test_the_log_is_read_before_the_instance_is_destroyed() -> None:
    made = made_with_log("x", "1001")
    calls: list[Method] = []
    run = start(made)
    while run.step():
        calls.append(run.effect.method)
    is_up(made)
    assert calls.count(GpuHost.logs) == 1
    assert calls.index(GpuHost.logs) < calls.index(GpuHost.destroy)


def test_a_log_that_cannot_be_read_stops_nothing() -> None:
    made = made_with_log("x", "1001")
    made.gpu.faults.queued["logs"] = [CannotObserve("Vast.ai did not deliver the log in time")]
    up(made)
    is_up(made)
    (failure,) = made.store.state.failures
    assert failure.log == "(no log: Vast.ai did not deliver the log in time)"


def test_no_log_is_read_of_what_is_replaced_or_no_longer_needed() -> None:
    made = world()
    up(made)
    up(made, replace(WANTED, launch=replace(WANTED.launch, context=8192)))
    down(made)
    assert made.store.state.failures == ()


def test_machines_that_fail_in_different_ways_are_listed_with_their_reasons() -> None:
    def differs(made: FakeInstance) -> None:
        made.health = Health(Vital.UNHEALTHY, f"the card of {made.machine_id} is slow", "failed", certificate="pem")

    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), differs)
    with pytest.raises(Failed, match="rented machines did not become healthy") as failed:
        up(made)
    assert "the card of 1001 is slow" in failed.value.detail
    assert "max_dph" not in failed.value.hint
    assert len(made.store.state.failures) == MOST_FAILURES


def test_secrets_and_control_sequences_are_not_kept() -> None:
    secret = "0f3a" * 16
    log = (
        f"\x1b[31mERT_BOOT_SECRET={secret}\nCONTAINER_API_KEY=abcdef0123456789\nkey {KEY}\n{secret} abcdef0123456789\n"
    )
    shown = last_lines(log, secret)
    assert "\x1b" not in shown
    for planted in (secret, KEY, "abcdef0123456789"):
        assert planted not in shown
    assert last_lines("a line " * 900 + "\n" * 9 + "b\n" * 90).splitlines() == ["b"] * LINES
    assert len(last_lines("x" * 9000)) == WIDTH


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Exited (137) 3 seconds ago", "137"),
        ("container exited with code 3", "3"),
        ("exit status 1", "1"),
        ("exit code: 2", "2"),
        ("exit=4", "4"),
        ("the 137 exits of the building", ""),
        ("", ""),
    ],
)
def test_an_exit_code_is_read_from_what_was_said(text: str, code: str) -> None:
    assert exit_code("", text) == code


def test_a_failure_shows_its_last_lines() -> None:
    assert Failure(InstanceId("5"), "8", 1.0, "it failed", log="\n".join("123456789")).lines() == tuple("456789")


def test_a_boot_secret_in_the_log_is_not_in_the_state() -> None:
    made = made_with_log("", "1001")
    run = start(made)
    while made.gpu.instances == {}:
        run.step()
    (first,) = made.gpu.instances.values()
    made.gpu.log = f"crash with {first.order.env['ERT_BOOT_SECRET']} in its arguments"
    run.finish()
    (failure,) = made.store.state.failures
    assert failure.log == "crash with *** in its arguments"


def test_behaviours_without_a_message_have_none() -> None:
    made = world()
    made.gpu.conduct["1001"] = behaviours.exited
    up(made)
    (failure,) = made.store.state.failures
    assert (failure.message, failure.exit_code) == ("", "")
