"""Lines of a booting machine: step, amount, rate and time left, without a guess where nothing is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.cli.view.boot import Boots
from ert_deploy.core.model.events import Booting
from ert_deploy.core.model.observed import Health, Instance, Vital
from ert_deploy.core.model.provider import SILENT
from tests.support.situations import instance


def pulling(text: str) -> Instance:
    return replace(instance(7, address=None, status="loading"), message=replace(SILENT, text=text))


def woken(status: str) -> Instance:
    """Return a stopped machine that is being started: its provider still lists the container of its last run."""
    return replace(instance(7, address=None, status=status), ended=True)


def loading(done: int, total: int, phase: str = "pulling", detail: str = "") -> Health:
    return Health(Vital.LOADING, phase=phase, completed=done, total=total, detail=detail)


def test_a_download_has_its_rate_and_the_time_left_after_a_while() -> None:
    boots, there = Boots(), instance(7)
    first = boots.line(Booting(there, loading(0, 12_000_000_000), 60))
    assert first == "booting 60 s, step 4 of 5: downloading the model (0%, 0.00 of 12.00 GB)"
    assert "MB/s" not in boots.line(Booting(there, loading(1, 12_000_000_000), 62))
    later = boots.line(Booting(there, loading(2_000_000_000, 12_000_000_000), 100))
    assert later.endswith("downloading the model (16%, 2.00 of 12.00 GB), 50.0 MB/s, about 4 min left")
    last = boots.line(Booting(there, loading(11_000_000_000, 12_000_000_000), 280))
    assert last.endswith("50.0 MB/s, about 20 s left")


def test_an_image_is_measured_layer_by_layer() -> None:
    boots = Boots()
    said = [
        boots.line(Booting(pulling(f"{layer}: Downloading {done}MB/4.0GB (1%)"), None, at))
        for layer, done, at in (("3b65ec22a9e9", 100, 10), ("3b65ec22a9e9", 500, 20), ("aaaaaa22a9e9", 700, 30))
    ]
    assert said[0] == "booting 10 s, step 2 of 5: pulling the image (3b65ec22a9e9: Downloading 100MB/4.0GB (1%))"
    assert said[1].endswith(", 40.0 MB/s, about 88 s left")
    assert "MB/s" not in said[2]


@pytest.mark.parametrize(
    ("there", "health", "said"),
    [
        (pulling(""), None, "step 2 of 5: pulling the image (loading)"),
        (replace(pulling(""), status=None), None, "step 1 of 5: provisioning the machine"),
        (pulling("3b65ec22a9e9: Downloading 1.2.3MB/4.0GB"), None, "step 2 of 5: pulling the image (3b65"),
        (instance(7), None, "step 3 of 5: the start of the container"),
        (woken("exited"), None, "step 1 of 5: provisioning the machine (exited)"),
        (
            instance(7),
            loading(0, 0, "starting", "waiting for the engine"),
            "step 3 of 5: the start of the container (w",
        ),
        (instance(7), loading(5, 10, "loading"), "step 5 of 5: loading and testing the model (50%, 0.00 of 0.00 GB)"),
        (instance(7), Health(Vital.HEALTHY), "step 5 of 5: loading and testing the model"),
        (instance(7), loading(0, 0), "step 4 of 5: downloading the model"),
    ],
)
def test_every_stage_has_its_number(there: Instance, health: Health | None, said: str) -> None:
    assert boots_once(there, health).startswith(f"booting 3 s, {said}")


def boots_once(there: Instance, health: Health | None) -> str:
    return Boots().line(Booting(there, health, 3))


def test_a_machine_that_is_started_again_pulls_no_image() -> None:
    boots = Boots()
    seen = woken("exited"), pulling(""), pulling("3b65ec22a9e9: Downloading 1MB/4.0GB"), instance(7)
    said = [boots.line(Booting(one, None, 3)).removeprefix("booting 3 s, ") for one in seen]
    assert said == [
        "step 1 of 5: provisioning the machine (exited)",
        "step 3 of 5: the start of the container (loading)",
        "step 2 of 5: pulling the image (3b65ec22a9e9: Downloading 1MB/4.0GB)",
        "step 3 of 5: the start of the container (running)",
    ]


def test_one_that_stands_still_or_goes_back_has_no_rate() -> None:
    boots, there = Boots(), instance(7)
    for done, at in ((500, 0), (500, 60), (100, 120)):
        assert "MB/s" not in boots.line(Booting(there, loading(done, 1000), at))
