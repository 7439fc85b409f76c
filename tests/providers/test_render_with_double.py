"""The adapter with the sandbox's Render, which was written independently: a complete rollout, and its faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ert_deploy.adapters.app.probe import HttpAppProbe
from ert_deploy.adapters.clock import CompressedClock
from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import DeployKind, WebDeploy
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers.render.web import RenderWeb
from ert_deploy.sandbox.httpd.faults import Fault
from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.support.render.world import KEY, World, running, until

SPEED = 200.0


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running(speed=SPEED) as started:
        yield started


@pytest.fixture
def web(world: World) -> RenderWeb:
    return RenderWeb(Secret(KEY), world.double.url, clock())


def clock() -> CompressedClock:
    """Return a clock with the speed of the server's."""
    same = WorldClock(speed=SPEED)
    return CompressedClock(SPEED, same.epoch_wall, same.epoch_world)


def followed(web: RenderWeb, service_id: str, started: WebDeploy | None) -> WebDeploy:
    """Return the deploy once it is finished."""
    assert started is not None
    ended: list[WebDeploy] = []

    def over() -> bool:
        ended[:] = [web.get_deploy(service_id, started.id)]
        return ended[0].kind is not DeployKind.IN_FLIGHT

    until(over)
    return ended[0]


def test_a_service_is_found_by_id_and_by_name(world: World, web: RenderWeb) -> None:
    assert web.service(world.service) == web.service("dashboard")
    assert web.service("dashboard").url == world.app
    with pytest.raises(UsageError):
        web.service("nobody")
    with pytest.raises(UsageError, match="does not accept the key"):
        RenderWeb(Secret("rnd_wrong"), world.double.url, clock()).service("dashboard")


def test_a_variable_is_written_read_and_taken_away(world: World, web: RenderWeb) -> None:
    web.put_env(world.service, "NEW", Secret("a\nb"))
    assert web.read_env(world.service)["NEW"].reveal() == "a\nb"
    web.delete_env(world.service, "NEW")
    web.delete_env(world.service, "NEW")
    assert "NEW" not in web.read_env(world.service)
    assert "KEEP" in web.read_env(world.service)


def test_more_variables_than_fit_on_a_page_are_all_read(world: World, web: RenderWeb) -> None:
    names = [f"MANY_{n}" for n in range(110)]
    bulk = [{"key": k, "value": v.reveal()} for k, v in web.read_env(world.service).items()]
    world.call("PUT", "{s}/env-vars", json=bulk + [{"key": name, "value": "x"} for name in names])
    assert set(names) < set(web.read_env(world.service))


def test_a_rollout_reaches_the_running_app(world: World, web: RenderWeb) -> None:
    web.put_env(world.service, "FINGERPRINT", Secret("two"))
    ended = followed(web, world.service, web.deploy(world.service))
    newest = web.newest_deploy(world.service)
    assert ended.kind is DeployKind.LIVE
    assert newest is not None
    assert newest.id == ended.id
    until(lambda: world.fingerprint() == "two")


FAULTS: dict[str, Callable[[str], Fault]] = {
    "limit": lambda op: Fault(op, status=429, body='{"message":"rate limit"}', headers={"Retry-After": "2"}),
    "reset before": lambda op: Fault(op, reset=True),
    "reset after": lambda op: Fault(op, when="after", reset=True),
    "html": lambda op: Fault(op, status=502, body="<html>", content_type="text/html"),
    "error": lambda op: Fault(op, status=500, body='{"message":"internal"}'),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_write_survives_the_fault(world: World, web: RenderWeb, name: str) -> None:
    operation = _operation(world, lambda: web.put_env(world.service, "PROBE", Secret("x")))
    world.double.faults.add(FAULTS[name](operation))
    web.put_env(world.service, "PROBE", Secret(f"after {name}"))
    assert web.read_env(world.service)["PROBE"].reveal() == f"after {name}"


def test_a_deploy_whose_answer_was_lost_is_found_and_not_repeated(world: World, web: RenderWeb) -> None:
    before = len(world.get("{s}/deploys", limit=100))
    world.double.faults.add(Fault("create_deploy", when="after", reset=True))
    followed(web, world.service, web.deploy(world.service))
    assert len(world.get("{s}/deploys", limit=100)) == before + 1


def test_a_failed_deploy_is_explained(world: World, web: RenderWeb) -> None:
    web.put_env(world.service, "EXIT", Secret("3"))
    try:
        ended = followed(web, world.service, web.deploy(world.service))
    finally:
        web.delete_env(world.service, "EXIT")
    assert ended.kind is DeployKind.FAILED
    shown = web.failure(web.service(world.service), ended)
    assert "status 3" in shown.splitlines()[0]
    assert "cannot start: configuration is wrong" in shown


def test_the_app_behind_it_can_be_asked(world: World) -> None:
    probe = HttpAppProbe(clock())
    assert probe.answer(world.app, Target("dashboard")).status == 200
    for field in ("host", "pid"):
        assert probe.fingerprint(world.app, Target("dashboard", health_field=field)) is None, "it is no fingerprint"


def _operation(world: World, act: Callable[[], None]) -> str:
    """Return the server's name of the operation that `act` requests."""
    act()
    return world.double.faults.seen[-1]
