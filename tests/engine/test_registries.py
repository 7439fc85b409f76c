"""Image and model are looked up in their registry before anything is rented for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.launching.manifest import GUARD, Access, Manifest
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.model_server import ExtraVariable, ModelServer
from tests.support.fakes.history import WANTED, down, is_up, told, up
from tests.support.fakes.loopback import FakeWorld, world

OURS = Manifest(Access.FOUND, program=f"python -m {GUARD}", contract="1", ports=("8443/tcp",))
IMAGE, MODEL = WANTED.launch.image, WANTED.launch.model


def made_with(image: Manifest | None = None, model: Manifest | None = None) -> FakeWorld:
    made = world()
    if image is not None:
        made.registries.images[IMAGE] = image
    if model is not None:
        made.registries.models[MODEL] = model
    return made


@pytest.mark.parametrize(
    ("image", "model", "what", "hint"),
    [
        (Manifest(Access.MISSING), None, f"the image {IMAGE} does not exist", "check launch/image"),
        (Manifest(Access.WITHHELD), None, f"the image {IMAGE} is private, or does not exist", "make it public"),
        (Manifest(Access.FOUND, platforms=("linux/arm64",)), None, "is for linux/arm64", "image build"),
        (replace(OURS, program=""), None, "has neither an entry point nor a command", "launch/image"),
        (replace(OURS, program="nginx", contract=""), None, "is not the backend: its container runs", "image push"),
        (replace(OURS, contract="2"), None, "is made for contract 2 of the backend", "or install the release"),
        (replace(OURS, layers=(41 * 10**9,)), None, "is 41.0 GB to download", "set launch/disk_gb to at least 165"),
        (None, Manifest(Access.MISSING), f"the model {MODEL} does not exist", "check launch/model"),
        (None, Manifest(Access.WITHHELD), f"the model {MODEL} does not exist", "check launch/model"),
        (None, Manifest(Access.FOUND, layers=(60 * 10**9,)), "needs 60.0 GB", "set launch/disk_gb to at least 63"),
    ],
)
def test_what_no_host_could_start_is_refused_before_a_write_or_a_rental(
    image: Manifest | None, model: Manifest | None, what: str, hint: str
) -> None:
    made = made_with(image, model)
    with pytest.raises(UsageError, match=what) as refused:
        up(made)
    assert hint in refused.value.hint
    assert made.gpu.instances == {}
    assert made.store.state.generation == 0
    assert not {"put_env", "delete_env", "deploy"} & set(made.web.faults.calls)


def test_a_variable_without_its_value_is_refused_before_a_write_or_a_rental_and_named_in_a_plan() -> None:
    made, env = world(), (ExtraVariable("A", "1"), ExtraVariable("HF_TOKEN", "", "ERT_ENV_HF_TOKEN"))
    wanted = replace(WANTED, launch=replace(WANTED.launch, env=env))
    with pytest.raises(UsageError, match="takes HF_TOKEN from ERT_ENV_HF_TOKEN, which is not set here") as refused:
        up(made, wanted)
    assert refused.value.hint.startswith("export ERT_ENV_HF_TOKEN=")
    assert made.gpu.instances == {}
    assert made.store.state.generation == 0
    known = replace(wanted, launch=replace(wanted.launch, env=(env[0], replace(env[1], value="canary"))))
    up(made, known)
    running = set(made.gpu.instances)
    up(made, wanted)
    assert set(made.gpu.instances) == running, "what runs needs it no more"


@pytest.mark.parametrize(
    ("image", "model", "what"),
    [
        (Manifest(Access.UNREAD, "ghcr.io: could not connect"), None, f"the image {IMAGE} was not checked"),
        (None, Manifest(Access.UNREAD, "no answer"), f"the model {MODEL} was not checked"),
        (replace(OURS, program="/start", contract="1"), None, "starts in its own way: its container runs `/start`"),
        (replace(OURS, ports=("22/tcp", "8443/tcp")), None, "exposes 22/tcp besides 8443/tcp"),
        (replace(OURS, program=None, ports=("22/tcp",)), None, "exposes 22/tcp besides 8443/tcp"),
        (Manifest(Access.FOUND, layers=(9 * 10**9,)), None, "is 9.0 GB to download, launch/image_gb is 4"),
    ],
)
def test_what_is_not_known_is_only_reported(image: Manifest | None, model: Manifest | None, what: str) -> None:
    made = made_with(image, model)
    up(made)
    is_up(made)
    assert [e for e in told(made, Trouble) if what in e.what]


@pytest.mark.parametrize(
    "image", [OURS, replace(OURS, contract=""), replace(OURS, program=None, contract="", ports=())]
)
def test_nothing_is_said_of_an_older_image_and_of_one_whose_configuration_is_not_known(image: Manifest) -> None:
    made = made_with(image)
    up(made)
    is_up(made)
    assert not [e for e in told(made, Trouble) if IMAGE in e.what]


def test_the_registries_are_asked_once_in_a_run_and_not_where_nothing_is_rented() -> None:
    made = made_with(Manifest(Access.FOUND, platforms=("linux/amd64", "linux/arm64"), layers=(10**9,)))
    made.gpu.conduct["1001"] = lambda one: setattr(one, "boot", 10.0**6)
    up(made)
    assert len(made.gpu.instances) == 2
    assert made.registries.asked == 2
    up(made)
    down(made)
    assert made.registries.asked == 2


def test_another_model_server_than_ollama_has_no_registry_of_models() -> None:
    made = made_with(model=Manifest(Access.MISSING))
    server = ModelServer("openai", command="serve it")
    desired: Desired = replace(WANTED, launch=replace(WANTED.launch, server=server))
    up(made, desired)
    is_up(made, desired)
    assert made.registries.asked == 1


def test_a_serving_backend_stays_where_its_replacement_cannot_be_pulled() -> None:
    made = world()
    up(made)
    newer = replace(WANTED, launch=replace(WANTED.launch, image="llm-backend:2"))
    made.registries.images["llm-backend:2"] = Manifest(Access.WITHHELD)
    result = up(made, newer)
    assert result.left is not None
    assert "private" in result.left.detail
    is_up(made)
