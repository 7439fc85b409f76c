"""`up` with `launch/hedge: 2`: the first machine is silent, the second one wins, the first is destroyed and paid."""

from __future__ import annotations

import re

import pytest

from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.e2e.conftest import SAMPLE, Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
LOST = re.compile(
    r"^destroyed instance (\d+): absent from the list and by id; it cost at most \$([0-9.]+)$", re.MULTILINE
)


def test_the_second_machine_wins_and_the_first_is_gone_and_paid(place: Place) -> None:
    text = SAMPLE.read_text()
    assert "launch:\n" in text
    (place.folder / "mine.yaml").write_text(text.replace("launch:\n", "launch:\n  hedge: 2\n"))
    place.extra["ERT_CONFIG"] = "mine.yaml"
    process, clock = place.start("up"), WorldClock()
    while process.poll() is None and not place.instances():
        clock.sleep(0.02)
    (first,) = place.instances()
    place.trouble(provider="vast", instance_id=int(first), kind="unreachable")  # it runs, is paid and never responds
    _, said = process.communicate(timeout=250)
    assert process.returncode == 0, said

    rented = re.findall(r"^rented instance (\d+) on machine (\d+)$", said, re.MULTILINE)
    (second,) = place.instances()
    assert [number for number, _ in rented] == [first, second], said
    assert len({machine for _, machine in rented}) == 2
    over = said.index(f"destroying instance {first}: another instance serves")
    assert said.index(f"rented instance {second} ") < over, "both were paid until one of them was ready"
    ((loser, cost),) = LOST.findall(said)
    assert loser == first
    assert said.index(f"destroyed instance {first}") < said.index("verified https://"), "no app gets the slow one"

    billed = {str(row["instance_id"]): row for row in place.bill()["rows"]}
    assert set(billed) == {first, second}
    assert billed[first]["gpu_seconds"] > 60
    assert billed[first]["total"] == pytest.approx(float(cost), rel=0.05), "the charge is what `up` prints"
    assert billed[first]["total"] <= float(cost) + 1e-4
    assert not billed[first]["billing"]
    place.ert("down")
    assert place.bill()["running"] == []
