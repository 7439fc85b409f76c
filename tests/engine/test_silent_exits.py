"""A container that exits, or is never reached, costs one download where only image or config can be the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.launching.manifest import GUARD, UNASKED, Access, Manifest
from ert_deploy.core.model.desired import Desired, Launch
from ert_deploy.core.model.errors import CannotObserve, Failed
from ert_deploy.core.model.model_server import ModelServer
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.providers.vast.messages import read
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, is_up, up
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.fakes.market import FakeInstance
from tests.support.vast.says import says

IMAGE = WANTED.launch.image
OURS = Manifest(Access.FOUND, program=f"python -m {GUARD}")
UNREAD = Manifest(Access.UNREAD, "no answer")
FORMAT = "exec /opt/ert/bin/python: exec format error"
ALIVE = "guard: off-switch active for instance 1: idle 1800 s\nINFO: the model is at 40 %"
TRACE = 'Traceback (most recent call last):\n  File "/app/ert_backend/guard/__main__.py"\nImportError: libssl.so.3'
REFUSED = "guard: the id or the key is missing: the off-switch is NOT active (ERT_GUARD=off runs without it)"
STARTS = Health(Vital.LOADING, "waiting for the engine", "starting", certificate="pem")
ALL = tuple(map(str, range(1001, 1013)))
ONE, TWO = "its container exits by itself", "2 machines failed in the same way"


def exits(message: str = "") -> behaviours.Conduct:
    """Return a behaviour: the container exits, and its host has that message."""

    def end(made: FakeInstance) -> None:
        made.override = lambda i: replace(i, **says("exited"), message=read(message), address=None)

    return end


def silent(made: FakeInstance) -> None:
    """Let the container run for ever, without a service at its port."""
    made.health = Health(Vital.UNREACHABLE, "connection refused")


def everywhere(conduct: behaviours.Conduct, log: str = " ", image: Manifest = OURS) -> FakeWorld:
    """Return a world in which every machine does this, with that log."""
    made = world()
    made.gpu.conduct = dict.fromkeys(ALL, conduct)
    made.gpu.log = log
    made.registries.images[IMAGE] = image
    return made


def fails(made: FakeWorld, words: str, desired: Desired = WANTED) -> Failed:
    with pytest.raises(Failed, match=words) as failed:
        up(made, desired)
    assert made.gpu.paid() == ()
    return failed.value


@pytest.mark.parametrize(
    ("message", "log", "image", "words"),
    [
        ("container exited with code 127", " ", OURS, "its machine failed as every other would"),
        ("the container has exited (126)", " ", OURS, "its machine failed as every other would"),
        ("OCI runtime create failed: exec: x: executable file not found", " ", OURS, "failed as every other would"),
        (FORMAT, " ", OURS, "its machine failed as every other would"),
        ("container exited with code 1", " ", OURS, ONE),
        ("container exited with code 139", ALIVE, OURS, ONE),
        ("", TRACE, OURS, ONE),
        ("", REFUSED, OURS, ONE),
        ("", "/opt/ert/bin/python: No module named ert_backend", OURS, ONE),
        ("", " ", UNREAD, ONE),
        ("", "Welcome to the shell", UNREAD, ONE),
        ("container exited with code 0", " ", UNREAD, ONE),
        ("", " ", Manifest(Access.FOUND, program="/start", contract="1"), ONE),
        ("container exited with code 137", ALIVE, OURS, TWO),
        ("container exited with code 0", ALIVE, OURS, TWO),
        ("", ALIVE, OURS, TWO),
        ("", " ", OURS, TWO),
        ("", " ", UNASKED, TWO),
        ("", ALIVE, UNREAD, TWO),
    ],
)
def test_a_second_download_is_paid_only_where_the_host_may_have_stopped_the_container(
    message: str, log: str, image: Manifest, words: str
) -> None:
    made = everywhere(exits(message), log, image)
    failed = fails(made, f"the image {IMAGE} does not start: .*{words}")
    assert made.gpu.faults.calls.count("create") == (2 if words is TWO else 1)
    if words is ONE:
        assert [one.machine_id for one in made.store.state.denied] == ["1001"]
        assert "`ert-deploy up` tries another" in failed.hint
        assert all(line in failed.detail for line in log.strip().splitlines()[-1:])
    else:
        assert made.store.state.denied == ()


def test_the_next_run_tries_another_host_and_has_no_memory_of_the_first() -> None:
    made = everywhere(behaviours.exited, TRACE)
    fails(made, ONE)
    made.gpu.conduct = {"1001": behaviours.exited}
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == "1002"


@pytest.mark.parametrize(
    ("image", "log", "machines"),
    [
        (UNREAD, " ", 1),
        (UNREAD, "nginx: ready for start up", 1),
        (UNREAD, ALIVE, 4),
        (OURS, " ", 4),
    ],
)
def test_a_container_that_is_never_reached_is_its_images_fault_unless_the_backend_is_known_to_be_in_it(
    image: Manifest, log: str, machines: int
) -> None:
    made = everywhere(silent, log, image)
    made.gpu.conduct = dict.fromkeys(("1001", "1002", "1003"), silent)
    if machines == 1:
        failed = fails(made, f"{IMAGE} does not start: its container runs, and no backend in it can be reached")
        assert "`ert-deploy up` tries another" in failed.hint
    else:
        up(made)
        is_up(made)
    assert len(made.gpu.instances) == machines


def test_a_log_that_cannot_be_read_proves_nothing() -> None:
    made = everywhere(silent, image=UNREAD)
    made.gpu.conduct = {"1001": silent}
    made.gpu.faults.queued["logs"] = [CannotObserve("no answer")] * 9
    up(made)
    is_up(made)


def test_a_backend_that_was_reached_is_known_to_be_in_its_image() -> None:
    def loads_and_exits(one: FakeInstance) -> None:
        one.health = Health(Vital.LOADING, "it loads", "pulling", certificate="pem")
        one.boot, looks = 20.0, iter(range(1000))
        one.override = lambda i: i if next(looks) < 30 else replace(i, **says("exited"), address=None)

    made = everywhere(loads_and_exits, image=UNREAD)
    fails(made, TWO)
    assert made.gpu.faults.calls.count("create") == 2


OWN = replace(WANTED.launch, server=ModelServer("openai", command="serve it"))


@pytest.mark.parametrize(("launch", "machines"), [(OWN, 1), (WANTED.launch, 2)])
def test_a_command_of_the_config_that_never_serves_costs_one_machine(launch: Launch, machines: int) -> None:
    made = everywhere(lambda one: setattr(one, "health", STARTS))
    failed = fails(made, f"the model server in {IMAGE} does not start", replace(WANTED, launch=launch))
    assert "launch/engine_command" in failed.hint
    assert len(made.gpu.instances) == machines


@pytest.mark.parametrize(("gb", "machines"), [(20, 1), (4, 2), (0, 2)])
def test_a_disk_that_may_be_too_small_for_the_image_costs_one_machine(gb: int, machines: int) -> None:
    layers = (gb * 10**9,) if gb else ()
    conduct = exits("write /var/lib/docker: no space left on device")
    made = everywhere(conduct, " ", replace(OURS, layers=layers))
    failed = fails(made, "the disk of 40 GB does not hold the image")
    assert "launch/disk_gb" in failed.hint
    assert len(made.gpu.instances) == machines


def test_with_a_shell_the_first_program_is_the_providers_and_its_exit_tells_nothing_of_the_image() -> None:
    made = everywhere(behaviours.exited, TRACE)
    fails(made, TWO, replace(WANTED, launch=replace(WANTED.launch, debug_ssh=True)))


PINNED = replace(WANTED, launch=replace(WANTED.launch, image=f"r.example/ert@sha256:{'ab' * 32}"))


@pytest.mark.parametrize(("desired", "machines"), [(PINNED, 2), (WANTED, 1)])
def test_what_is_healthy_elsewhere_with_the_same_content_is_not_at_fault(desired: Desired, machines: int) -> None:
    made = world()
    up(made, desired)
    made.gpu.only().dph = 9.0
    made.gpu.conduct = dict.fromkeys(ALL, behaviours.exited)
    made.gpu.log = TRACE
    left = up(made, desired).left
    assert left is not None
    assert "its container exits by itself" in left.detail
    assert len(made.gpu.instances) == 1 + machines
