"""Failed boots: not mistaken for a sleeping backend, shown with the host's message, attributed to image or host."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.launching.manifest import Access, Manifest
from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Market
from ert_deploy.core.model.errors import Failed
from ert_deploy.core.model.events import Retired
from ert_deploy.core.model.observed import Health, Instance, OffSwitch, Vital
from ert_deploy.providers.vast.messages import read
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, done, is_up, start, told, until, up
from tests.support.fakes.loopback import world
from tests.support.fakes.market import FakeInstance
from tests.support.vast.says import says

LIMITED = "Error response from daemon: toomanyrequests: You have reached your unauthenticated pull rate limit."
FORMAT = "exec /opt/ert/bin/python: exec format error"


def halted(status: str | None, message: str) -> behaviours.Conduct:
    """Return a behaviour: the instance stops before it is ready."""

    def show(found: Instance) -> Instance:
        return replace(found, **says(status, "stopped", "stopped"), message=read(message), address=None)

    return lambda made: setattr(made, "override", show)


def ended(made: FakeInstance) -> None:
    """Let the container exit immediately."""
    made.override = lambda i: replace(i, **says("exited"), message=read(FORMAT), address=None)


@pytest.mark.parametrize("status", ["loading", None])
def test_a_host_that_cannot_pull_is_left_at_the_second_look_and_never_started(status: str | None) -> None:
    made = world()
    made.gpu.conduct["1001"] = halted(status, LIMITED)
    begun = made.clock.now()
    up(made)
    is_up(made)
    assert [s for s in done(made) if isinstance(s, steps.Wake)] == []
    assert made.clock.now() - begun < 180
    (retired,) = told(made, Retired)
    assert LIMITED in retired.reason
    assert [d.machine_id for d in made.store.state.denied] == ["1001"]


@pytest.mark.parametrize(
    ("how", "words", "hint"),
    [
        (halted("loading", LIMITED), "toomanyrequests", "limits pulls without a login"),
        (behaviours.unpullable, "manifest unknown", "has to be there and public"),
        (behaviours.exited, "the container is exited", "on a machine of your own"),
    ],
)
def test_the_same_end_on_two_machines_is_the_images_fault_and_nobody_is_denied(
    how: behaviours.Conduct, words: str, hint: str
) -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), how)
    with pytest.raises(Failed, match="the image llm-backend:1 does not start: 2 machines failed") as failed:
        up(made)
    assert words in failed.value.detail
    assert hint in failed.value.hint
    assert "max_dph" not in failed.value.hint
    assert len(made.gpu.instances) == 2
    assert made.gpu.paid() == ()
    assert made.store.state.denied == ()


NO_MODEL = "pull model manifest: file does not exist"


def misconfigured(made: FakeInstance) -> None:
    """Let the backend pass the identity check and report a model that cannot be downloaded."""
    made.health = Health(Vital.UNHEALTHY, NO_MODEL, "failed", certificate="pem", misconfigured=True)


FULL = "write blobs/sha256-1: no space left on device"


def full(made: FakeInstance) -> None:
    """Let the backend run out of disk while it downloads the model."""
    made.health = Health(Vital.UNHEALTHY, FULL, "failed", certificate="pem")


@pytest.mark.parametrize(
    ("how", "what", "why", "hint"),
    [
        (misconfigured, "the model gpt-oss:20b cannot be served as configured", NO_MODEL, "launch/model"),
        (full, "the disk of 40 GB does not hold", FULL, "launch/disk_gb"),
    ],
)
def test_what_the_backend_says_of_every_machine_costs_one_machine_and_denies_nobody(
    how: behaviours.Conduct, what: str, why: str, hint: str
) -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), how)
    with pytest.raises(Failed, match=what) as failed:
        up(made)
    assert why in failed.value.detail
    assert hint in failed.value.hint
    assert "max_dph" not in failed.value.hint
    assert len(made.gpu.instances) == 1
    assert made.gpu.paid() == ()
    assert made.store.state.denied == ()


@pytest.mark.parametrize(("how", "words"), [(behaviours.unpullable, "manifest unknown"), (ended, "exec format error")])
def test_what_a_host_says_of_the_image_costs_one_machine_where_its_registry_was_not_read(
    how: behaviours.Conduct, words: str
) -> None:
    made = world()
    made.registries.images[WANTED.launch.image] = Manifest(Access.UNREAD, "no answer")
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), how)
    with pytest.raises(Failed, match="does not start: its machine failed as every other would") as failed:
        up(made)
    assert words in failed.value.detail
    assert len(made.gpu.instances) == 1
    assert made.store.state.denied == ()


def differing(made: FakeInstance) -> None:
    """Let each host report in another text that the image is missing."""
    words = ("manifest unknown", "pull access denied for x", "unauthorized: authentication required")
    halted("loading", words[int(made.machine_id) % 3])(made)


def test_hosts_that_say_the_same_in_other_words_are_two_and_not_six() -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), differing)
    with pytest.raises(Failed, match="does not start: 2 machines failed in the same way"):
        up(made)
    assert len(made.gpu.instances) == 2
    assert made.gpu.paid() == ()


def without_engine(made: FakeInstance) -> None:
    """Let the backend work without a response from the model server."""
    made.health = Health(Vital.LOADING, "waiting for the engine", "starting", certificate="pem")


def test_a_model_server_that_never_answers_costs_two_machines_and_denies_nobody() -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), without_engine)
    with pytest.raises(Failed, match="the model server in llm-backend:1 does not start, on 2 machines") as failed:
        up(made)
    assert "timings/no_progress" in failed.value.detail
    assert "launch/engine_command" in failed.value.hint
    assert len(made.gpu.instances) == 2
    assert made.store.state.denied == ()


def test_what_one_host_alone_says_of_itself_is_its_own_fault() -> None:
    made = world()
    slow = Health(
        Vital.UNHEALTHY, "9.0 tokens/s, and at least 88.5 are expected of this card", "failed", certificate="pem"
    )
    made.gpu.conduct = dict.fromkeys(("1001", "1002"), lambda m: setattr(m, "health", slow))
    up(made)
    is_up(made)
    assert {d.machine_id for d in made.store.state.denied} == {"1001", "1002"}


def refused(made: FakeInstance) -> None:
    """Let the backend be ready while the provider denies the key for stopping itself."""
    made.health = Health(Vital.HEALTHY, certificate="pem", model="m", off_switch=OffSwitch.REFUSED)


def test_a_machine_that_cannot_stop_itself_is_given_up_before_an_app_is_told() -> None:
    made = world()
    made.gpu.conduct["1001"] = refused
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == "1002"
    (retired,) = told(made, Retired)
    assert "it cannot stop itself" in retired.reason
    assert [d.machine_id for d in made.store.state.denied] == ["1001"]


def test_two_machines_that_cannot_stop_themselves_are_the_providers_trouble() -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), refused)
    with pytest.raises(Failed, match="rejects the keys with which they stop themselves"):
        up(made)
    assert len(made.gpu.instances) == 2
    assert made.gpu.paid() == ()
    assert made.store.state.denied == ()


def test_what_serves_goes_on_serving_when_its_off_switch_is_refused() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    first.health = Health(
        Vital.HEALTHY, certificate=made.backend.certificate(first), model="m", off_switch=OffSwitch.REFUSED
    )
    up(made)
    is_up(made)
    assert made.gpu.only() is first


def test_a_broken_image_leaves_the_old_backend_serving() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    made.gpu.conduct = dict.fromkeys(map(str, range(1002, 1013)), ended)
    left = up(made, replace(WANTED, launch=replace(WANTED.launch, image="llm-backend:2"))).left
    assert left is not None
    assert "the image llm-backend:2 does not start" in left.detail
    assert made.gpu.only() is first


def test_a_fault_of_two_hosts_alone_is_not_the_images() -> None:
    made = world()
    full = "failed to inject cdi devices"
    made.gpu.conduct = dict.fromkeys(
        ("1001", "1002"), lambda m: setattr(m, "override", lambda i: replace(i, **says("created"), message=read(full)))
    )
    up(made)
    is_up(made)
    assert {d.machine_id for d in made.store.state.denied} == {"1001", "1002"}


def test_what_an_earlier_run_left_behind_says_nothing_about_the_image() -> None:
    made = world()
    made.gpu.conduct = {"1001": ended}
    until(start(made), lambda: made.store.state.records)
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == "1002"


def test_one_that_was_outbid_before_it_was_healthy_is_a_failed_boot_that_denies_nobody() -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(("1001", "1002"), halted("loading", ""))
    bid = replace(WANTED, launch=replace(WANTED.launch, market=Market.INTERRUPTIBLE, bid=0.15))
    up(made, bid)
    is_up(made, bid)
    assert made.store.state.denied == ()
    assert made.gpu.only().machine_id == "1003"
