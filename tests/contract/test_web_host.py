"""Contract tests of the web host port, for the fake, the simulator, and the adapter with the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import DeployKind, WebDeploy
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import WebService
from tests.support.contract.web_hosts import HOSTS, NAME, Rig

OURS = "ERT_LLM_BACKEND_URL"


@pytest.fixture(params=HOSTS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with HOSTS[request.param]() as made:
        made.wait(lambda: settled(made, made.host.service(NAME)))  # a service may have an initial deploy
        yield made


def settled(rig: Rig, service: WebService) -> bool:
    newest = rig.host.newest_deploy(service.id)
    return newest is None or newest.kind is not DeployKind.IN_FLIGHT


def kind(rig: Rig, service: WebService, made: WebDeploy) -> DeployKind:
    return rig.host.get_deploy(service.id, made.id).kind


def deployed(rig: Rig, service: WebService) -> WebDeploy:
    """Deploy and wait until the deploy is live."""
    made = rig.host.deploy(service.id)
    assert made is not None
    rig.wait(lambda: kind(rig, service, made) is DeployKind.LIVE)
    return made


def test_a_service_is_found_by_its_name_and_another_is_not(rig: Rig) -> None:
    found = rig.host.service(NAME)
    assert (found.name, bool(found.id), found.suspended) == (NAME, True, "")
    assert found.url.startswith("http")
    with pytest.raises(UsageError):
        rig.host.service("nobodys")


def test_a_variable_is_written_changed_and_removed_and_no_other_one_is_touched(rig: Rig) -> None:
    service = rig.host.service(NAME)
    before = {name: value.reveal() for name, value in rig.host.read_env(service.id).items()}
    assert OURS not in before
    for value in ("https://203.0.113.7:1", "https://203.0.113.7:2", "https://203.0.113.7:2"):
        rig.host.put_env(service.id, OURS, Secret(value))
        after = {name: value.reveal() for name, value in rig.host.read_env(service.id).items()}
        assert after == {**before, OURS: value}
    for _ in range(2):  # a missing variable is not an error
        rig.host.delete_env(service.id, OURS)
    assert {name: value.reveal() for name, value in rig.host.read_env(service.id).items()} == before


def test_a_variable_alone_starts_no_deploy(rig: Rig) -> None:
    service = rig.host.service(NAME)
    before = rig.host.newest_deploy(service.id)
    rig.host.put_env(service.id, OURS, Secret("x"))
    after = rig.host.newest_deploy(service.id)
    assert (before and before.id) == (after and after.id)


def test_a_deploy_is_the_newest_and_ends_live_and_the_one_before_is_replaced(rig: Rig) -> None:
    service = rig.host.service(NAME)
    first = deployed(rig, service)
    newest = rig.host.newest_deploy(service.id)
    assert newest is not None
    assert newest.id == first.id
    second = deployed(rig, service)
    assert second.id != first.id
    assert kind(rig, service, first) is DeployKind.REPLACED
    assert kind(rig, service, second) is DeployKind.LIVE


def test_a_deploy_during_another_one_has_no_id_yet_or_a_later_turn_and_ends_live(rig: Rig) -> None:
    service = rig.host.service(NAME)
    first = rig.host.deploy(service.id)
    assert first is not None
    rig.host.put_env(service.id, OURS, Secret("second"))
    rig.host.deploy(service.id)

    def the_second_is_live() -> bool:
        newest = rig.host.newest_deploy(service.id)
        return newest is not None and newest.id != first.id and newest.kind is DeployKind.LIVE

    rig.wait(the_second_is_live)
    assert kind(rig, service, first) is DeployKind.REPLACED


def test_no_group_is_linked_to_it(rig: Rig) -> None:
    assert dict(rig.host.read_groups(rig.host.service(NAME))) == {}


def test_the_log_has_lines_with_times_the_oldest_first(rig: Rig) -> None:
    service = rig.host.service(NAME)
    deployed(rig, service)
    lines = rig.host.logs(service, 100)
    times = [line.at for line in lines]
    assert times == sorted(times)
    assert min(times) > 0
    assert all(line.text for line in lines)
    (last,) = rig.host.logs(service, 1)
    assert last.at >= lines[-1].at


def test_why_a_deploy_failed_can_always_be_asked(rig: Rig) -> None:
    service = rig.host.service(NAME)
    assert isinstance(rig.host.failure(service, deployed(rig, service)), str)
