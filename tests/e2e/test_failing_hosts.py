"""`up` where the first three hosts fail in three ways: it becomes healthy, and prints why each failed and its cost."""

from __future__ import annotations

import re

import pytest

from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.e2e.conftest import Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
FAULTS = (
    {"kind": "pull_fails", "message": "write /var/lib/docker/tmp: no space left on device"},
    {"kind": "oci_failure"},
    {"kind": "never_starts"},
)
REASONS = ("no space left on device", "OCI runtime create failed", "provisioning the machine takes")


def test_up_gets_healthy_explains_each_failure_and_says_what_it_cost(place: Place) -> None:
    process, clock = place.start("up"), WorldClock()
    seen: list[str] = []
    while process.poll() is None and len(seen) < len(FAULTS):
        for number in (n for n in place.instances() if n not in seen):
            place.trouble(provider="vast", instance_id=int(number), **FAULTS[len(seen)])
            seen.append(number)
        clock.sleep(0.02)
    _, said = process.communicate(timeout=250)
    assert process.returncode == 0, said

    explained = re.findall(r"^destroying instance (\d+): (.*)$", said, re.MULTILINE)
    assert [number for number, _ in explained] == seen, said
    for (_, reason), expected in zip(explained, REASONS, strict=True):
        assert expected in reason
    costs = re.findall(r"^destroyed instance (\d+): .*; it cost at most \$([0-9.]+)$", said, re.MULTILINE)
    billed = {str(row["instance_id"]): row for row in place.bill()["rows"]}
    assert [number for number, _ in costs] == seen, said
    for number, cost in costs:
        assert billed[number]["total"] <= float(cost) + 1e-4
    total, paid = sum(billed[number]["total"] for number in seen), sum(float(cost) for _, cost in costs)
    assert total == pytest.approx(paid, abs=0.0005)
    assert total > 0.02, "the image of one was downloaded, and that costs"
    (serving,) = place.instances()
    assert serving not in seen
    place.ert("down")
    assert place.bill()["running"] == []
