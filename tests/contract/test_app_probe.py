"""Contract tests of the app probe, for the fake, the simulator, and HTTP with an app in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.observed import DeployKind
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import connected
from ert_deploy.ports import AppAnswer, WebService
from tests.support.contract.app_probes import PROBES, Rig
from tests.support.contract.web_hosts import NAME

TARGET = Target(NAME)
URL, FINGERPRINT = TARGET.names.url, TARGET.names.fingerprint
FIRST = connected(TARGET, "https://203.0.113.7:1", Secret("ert-a-key"), "pem")
SECOND = connected(TARGET, "https://203.0.113.7:2", Secret("ert-a-key"), "pem")


@pytest.fixture(params=PROBES)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with PROBES[request.param]() as made:
        service = made.host.service(NAME)
        made.wait(lambda: settled(made, service) and made.probe.answer(service.url, TARGET).status == 200)
        yield made


def settled(rig: Rig, service: WebService) -> bool:
    newest = rig.host.newest_deploy(service.id)
    return newest is None or newest.kind is not DeployKind.IN_FLIGHT


def give(rig: Rig, values: Mapping[str, Secret]) -> None:
    service = rig.host.service(NAME)
    for name, value in values.items():
        rig.host.put_env(service.id, name, value)


def deploy(rig: Rig) -> None:
    """Deploy and wait until the deploy is live."""
    service = rig.host.service(NAME)
    made = rig.host.deploy(service.id)
    assert made is not None
    rig.wait(lambda: rig.host.get_deploy(service.id, made.id).kind is DeployKind.LIVE)


def shown(rig: Rig) -> str | None:
    return rig.probe.fingerprint(rig.host.service(NAME).url, TARGET)


def test_an_app_without_values_responds_and_reports_no_fingerprint(rig: Rig) -> None:
    assert rig.probe.answer(rig.host.service(NAME).url, TARGET) == AppAnswer(200, "")
    assert shown(rig) is None


def test_the_fingerprint_is_that_of_the_running_process(rig: Rig) -> None:
    give(rig, FIRST)
    assert shown(rig) is None, "before a deploy"
    deploy(rig)
    assert shown(rig) == FIRST[FINGERPRINT].reveal()
    give(rig, SECOND)
    assert shown(rig) == FIRST[FINGERPRINT].reveal(), "before the second deploy"
    deploy(rig)
    assert shown(rig) == SECOND[FINGERPRINT].reveal()


def test_values_that_do_not_match_the_fingerprint_are_reported_as_none(rig: Rig) -> None:
    give(rig, {**FIRST, URL: SECOND[URL]})
    deploy(rig)
    assert shown(rig) is None


def test_an_app_that_lost_its_values_reports_no_fingerprint(rig: Rig) -> None:
    give(rig, FIRST)
    deploy(rig)
    for name in FIRST:
        rig.host.delete_env(rig.host.service(NAME).id, name)
    assert shown(rig) == FIRST[FINGERPRINT].reveal(), "before a deploy"
    deploy(rig)
    assert shown(rig) is None


def test_where_no_app_is_there_is_no_response_and_no_error(rig: Rig) -> None:
    assert rig.probe.fingerprint(rig.nowhere, TARGET) is None
    assert rig.probe.answer(rig.nowhere, TARGET) == AppAnswer(0, "")
