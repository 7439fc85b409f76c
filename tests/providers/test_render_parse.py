"""Parsing of Render's responses, valid and malformed."""

from __future__ import annotations

import pytest

from ert_deploy.core.model.observed import DeployKind
from ert_deploy.providers.render.parse import (
    deploy_of,
    log_of,
    page_of,
    reason_of,
    service_of,
    stamp,
    variable_of,
    when,
)
from tests.support.render.recorded import deploy, service


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("created", DeployKind.IN_FLIGHT),
        ("queued", DeployKind.IN_FLIGHT),
        ("build_in_progress", DeployKind.IN_FLIGHT),
        ("pre_deploy_in_progress", DeployKind.IN_FLIGHT),
        ("update_in_progress", DeployKind.IN_FLIGHT),
        ("artifact_fetch_in_progress", DeployKind.IN_FLIGHT),
        (None, DeployKind.IN_FLIGHT),
        (7, DeployKind.IN_FLIGHT),
        ("live", DeployKind.LIVE),
        ("deactivated", DeployKind.REPLACED),
        ("build_failed", DeployKind.FAILED),
        ("pre_deploy_failed", DeployKind.FAILED),
        ("update_failed", DeployKind.FAILED),
        ("canceled", DeployKind.FAILED),
    ],
)
def test_only_a_known_end_is_an_end(status: object, kind: DeployKind) -> None:
    assert deploy_of(deploy(status=status)).kind is kind


def test_a_deploy_needs_nothing_but_its_id() -> None:
    found = deploy_of({"id": "dep-1"})
    assert (found.status, found.created) == ("unknown", 0.0)
    assert deploy_of(deploy(createdAt=None, startedAt="2025-05-08T20:57:44Z")).created == 1746737864.0


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"id": None}, {"id": ""}, {"id": 5}])
def test_without_an_id_there_is_no_deploy(raw: object) -> None:
    with pytest.raises(ValueError):
        deploy_of(raw)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-08-14T21:28:24Z", 1723670904.0),
        ("2024-08-14T21:28:24.46045Z", 1723670904.46045),
        ("2024-08-14T21:28:24.370959504Z", 1723670904.370959),
        ("2024-08-14T23:28:24+02:00", 1723670904.0),
        ("2024-08-14T21:28:24", None),
        ("yesterday", None),
        (None, None),
        (5, None),
    ],
)
def test_times_have_up_to_nine_digits(text: object, seconds: float | None) -> None:
    assert when(text) == (pytest.approx(seconds, abs=1e-5) if seconds else None)


def test_a_time_survives_the_way_there_and_back() -> None:
    assert when(stamp(1723670904.25)) == 1723670904.25


def test_text_from_outside_loses_its_escapes() -> None:
    found = service_of(service(name="a\x1b]0;title\x07b\u202e", ownerId="tea\r\n-1"))
    assert (found.name, found.owner_id) == ("ab", "tea -1")
    assert deploy_of(deploy(status="odd\x1b[2J")).status == "odd"
    assert variable_of({"key": "A\x1b[1m", "value": "v\x1b"})[0] == "A"


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ({"nonZeroExit": 1}, "the process exited with status 1"),
        ({"oomKilled": {"memoryLimit": "512Mi"}}, "out of memory (512Mi)"),
        ({"unhealthy": "HTTP 503", "evicted": False}, "the health check failed: HTTP 503"),
        ({"timedOutSeconds": 900, "timedOutReason": "deploy"}, "timed out after 900 s; deploy"),
        ({"earlyExit": True}, "the process exited"),
        ({"new{}thing": {"a": 1}}, "new{}thing: {'a': 1}"),
        (None, ""),
        ("text", ""),
    ],
)
def test_the_reason_of_a_failure_in_words(failure: object, words: str) -> None:
    event = {"type": "deploy_ended", "details": {"deployId": "dep-1", "reason": {"failure": failure}}}
    assert reason_of([{"details": None}, event], "dep-1") == words


def test_the_reason_is_that_of_our_deploy_or_its_build() -> None:
    other = {"details": {"deployId": "dep-2", "reason": {"failure": {"nonZeroExit": 2}}}}
    build = {"type": "build_ended", "details": {"buildId": "bld-1", "reason": {"failure": {"nonZeroExit": 9}}}}
    assert reason_of([other], "dep-1") == ""
    assert reason_of([other, build], "dep-1") == "the process exited with status 9"


@pytest.mark.parametrize("raw", [None, {}, {"logs": None}, []])
def test_a_log_without_lines_is_an_error(raw: object) -> None:
    with pytest.raises(ValueError):
        log_of(raw, str)


def test_a_log_line_may_lack_anything() -> None:
    assert log_of({"logs": [None, {}, {"message": "x", "timestamp": "bad"}]}, str) == ("", "x")


@pytest.mark.parametrize("raw", [None, {}, [5], [{"cursor": "c"}], [{"deploy": {}, "cursor": ""}], [{"deploy": {}}]])
def test_a_page_is_items_with_cursors(raw: object) -> None:
    with pytest.raises(ValueError):
        page_of(raw, "deploy")


@pytest.mark.parametrize(
    ("details", "number"),
    [
        ({}, 1),
        ({"numInstances": 3}, 3),
        ({"numInstances": None, "autoscaling": None}, 1),
        ({"numInstances": 2, "autoscaling": {"enabled": True, "min": 1, "max": 5}}, 5),
        ({"numInstances": 2, "autoscaling": {"enabled": False, "min": 1, "max": 5}}, 2),
        ({"numInstances": True, "autoscaling": {"enabled": True, "max": "5"}}, 1),
        ({"numInstances": 10**9}, 1),
    ],
)
def test_the_most_instances_of_a_service(details: dict[str, object], number: int) -> None:
    raw = service()
    raw["serviceDetails"].update(details)
    assert service_of(raw).instances == number
