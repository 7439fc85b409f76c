"""Clocks: real time, and the compressed time of a sandbox."""

from __future__ import annotations

import time

import pytest

from ert_deploy.adapters import clock as clock_module
from ert_deploy.adapters.clock import CompressedClock, RealClock, SystemEntropy


def test_real_time_is_unix_time_and_passes_while_one_sleeps() -> None:
    clock = RealClock()
    before = clock.now()
    assert abs(before - time.time()) < 5
    clock.sleep(0.02)
    assert clock.now() - before >= 0.02


@pytest.mark.parametrize("clock", [RealClock(), CompressedClock(60, 0.0, 0.0)])
def test_a_negative_wait_is_none(clock: RealClock | CompressedClock) -> None:
    before = time.monotonic()
    clock.sleep(-10)
    assert time.monotonic() - before < 1


def test_compressed_time_is_counted_from_the_epoch_of_its_world() -> None:
    wall = time.time()
    clock = CompressedClock(speed=60.0, epoch_wall=wall - 10, epoch_world=5_000.0)
    assert clock.now() == pytest.approx(5_000.0 + 600.0, abs=60)
    again = CompressedClock(speed=60.0, epoch_wall=wall - 10, epoch_world=5_000.0)
    assert again.now() == pytest.approx(clock.now(), abs=60), "two processes of one world agree"


def test_compressed_sleep_takes_world_seconds() -> None:
    clock = CompressedClock(speed=600.0, epoch_wall=time.time(), epoch_world=0.0)
    before, started = clock.now(), time.monotonic()
    clock.sleep(12.0)
    assert clock.now() - before >= 12.0
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("clock", [RealClock(), CompressedClock(60, 0.0, 0.0)])
def test_the_steady_clock_counts_up_while_one_sleeps(clock: RealClock | CompressedClock) -> None:
    before = clock.steady()
    clock.sleep(0.05)
    assert clock.steady() - before >= 0.05


def test_the_steady_clock_counts_the_sleep_of_the_machine_where_the_system_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = clock_module._sleepless()
    if hasattr(time, "CLOCK_BOOTTIME"):
        assert abs(chosen() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 5
        monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    assert clock_module._sleepless() is time.monotonic
    monkeypatch.setattr("sys.platform", "darwin")
    assert abs(clock_module._sleepless()() - time.clock_gettime(time.CLOCK_MONOTONIC)) < 5
    monkeypatch.setattr(time, "CLOCK_MONOTONIC", 12345)
    assert clock_module._sleepless() is time.monotonic, "a kernel without it"


def test_random_bytes_are_as_many_as_asked_for_and_never_the_same() -> None:
    entropy = SystemEntropy()
    assert len(entropy.token_bytes(24)) == 24
    assert entropy.token_bytes(16) != entropy.token_bytes(16)
