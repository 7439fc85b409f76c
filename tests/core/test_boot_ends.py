"""Ends of a boot: texts that are equal on all hosts with the same cause, and empty where the host is at fault."""

from __future__ import annotations

import pytest

from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.core.planning.health import BAD_LOOKS, NO_ROOM, NO_SPACE, Candidate, Stage, judge
from ert_deploy.providers.vast.messages import read
from tests.core.test_offers_and_boots import UNHEALTHY
from tests.support.situations import NOW, UP, instance, still


@pytest.mark.parametrize(
    ("message", "deny", "end"),
    [
        ("OCI runtime create failed: x", True, ""),
        ("OCI runtime create failed: exec /x: no such file", True, "oci runtime create failed: exec /x: no such file"),
        ("Bind for 0.0.0.0:40123 failed: port is already allocated", False, ""),
        ("manifest unknown: e3b0c44298fc at 10:12", True, "the image cannot be pulled"),
        (
            "OCI runtime create failed: exec e3b0 at 10:12: no such file",
            True,
            "oci runtime create failed: exec # at #:#: no such file",
        ),
        ("OCI runtime create failed: exec format error", True, "the image is not for this processor"),
    ],
)
def test_how_a_boot_ended_is_compared_in_words_that_are_the_same_on_every_host(
    message: str, deny: bool, end: str
) -> None:
    found = instance(1, status="created", message=read(message))
    verdict = judge(Candidate(found, None, still(1, BAD_LOOKS), UNHEALTHY), UP.timings, NOW)
    assert (verdict.stage, verdict.deny, verdict.end) == (Stage.FAILED, deny, end)


def test_a_full_disk_is_the_same_end_on_every_host() -> None:
    host = instance(1, status="created", message=read("write /x: no space left on device"))
    verdict = judge(Candidate(host, None, still(1, BAD_LOOKS), UNHEALTHY), UP.timings, NOW)
    assert (verdict.stage, verdict.deny, verdict.end) == (Stage.FAILED, True, NO_ROOM)
    inside = Health(Vital.UNHEALTHY, "write blob: no space left on device", "failed", certificate="pem")
    verdict = judge(Candidate(instance(1), inside, still(1, BAD_LOOKS), UNHEALTHY), UP.timings, NOW)
    assert (verdict.stage, verdict.deny, verdict.end) == (Stage.FAILED, False, NO_SPACE)
