"""`ert-deploy image` with a real engine and a registry on loopback: the recorded image is what a host would pull."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from ert_deploy.cli import main
from ert_deploy.sandbox.registry.server import Registry, digest_of
from tests.support.image import local_images
from tests.support.image.docker_engine import Engine

pytestmark = pytest.mark.timeout(600)
SAMPLE = (local_images.ROOT / "configs" / "ert.yaml").read_text().replace("YOUR-DEPLOYMENT", "ert")


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["image", *args])
    return int(ended.value.code or 0)


@pytest.fixture
def _at_the_engine(docker_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_engine.host)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_at_the_engine")
def test_the_command_builds_the_image_too(
    docker_engine: Engine, image: str, build_arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The build steps are cached by the engine; only the second tag is new."""
    tag = f"ert-test/by-command:{secrets.token_hex(3)}"
    given = [word for argument in build_arguments for word in ("--build-arg", argument)]
    assert run("build", "--tag", tag, "--json", *given) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["bytes"] > 100_000_000
    assert 'ENTRYPOINT ["python", "-m", "ert_backend.guard"]' in shown.err
    config = json.loads(docker_engine.says("inspect", tag))[0]["Config"]
    assert (config["User"], list(config["ExposedPorts"])) == ("10001:10001", ["8443/tcp"])


@pytest.mark.usefixtures("_at_the_engine")
def test_what_is_pushed_is_recorded_by_its_digest_and_can_be_pulled_by_it(
    docker_engine: Engine, image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "my.yaml"
    config.write_text(SAMPLE)
    with Registry() as registry:
        tag = f"{registry.address}/me/ert-llm-backend:0.1.0"
        docker_engine.run("tag", image, tag)
        assert run("push", "--tag", tag, "-c", "my.yaml", "--json") == 0
        shown = json.loads(capsys.readouterr().out)
        kept = registry.manifests["me/ert-llm-backend:0.1.0"][1]
        assert shown["digest"] == digest_of(kept)
        pinned = f"{registry.address}/me/ert-llm-backend@{digest_of(kept)}"
        assert f"image: {pinned} " in config.read_text()
        before = docker_engine.says("inspect", "--format", "{{.Id}}", image)
        docker_engine.run("rmi", tag)
        docker_engine.run("pull", pinned)
        assert docker_engine.says("inspect", "--format", "{{.Id}}", pinned) == before
        docker_engine.run("rmi", pinned)


@pytest.mark.usefixtures("_at_the_engine")
def test_a_registry_that_wants_a_login_gets_it_from_the_environment_only(
    docker_engine: Engine,
    image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Registry(login="me:registry-secret") as registry:
        tag = f"{registry.address}/me/ert-llm-backend:0.1.0"
        docker_engine.run("tag", image, tag)
        assert run("push", "--tag", tag) == 2
        refused = capsys.readouterr().err
        assert f"docker login {registry.address}" in refused
        monkeypatch.setenv("ERT_REGISTRY_USERNAME", "me")
        monkeypatch.setenv("ERT_REGISTRY_PASSWORD", "registry-secret")
        assert run("push", "--tag", tag) == 0
        shown = capsys.readouterr()
        assert "registry-secret" not in f"{refused}{shown.out}{shown.err}"
        docker_engine.run("rmi", tag)


@pytest.mark.usefixtures("_at_the_engine")
def test_a_tag_that_was_never_built_is_said(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("push", "--tag", "127.0.0.1:9/me/nothing:1") == 2
    assert "has no image 127.0.0.1:9/me/nothing:1" in capsys.readouterr().err


def test_a_model_can_be_baked_in(docker_engine: Engine, image: str, build_arguments: list[str]) -> None:
    shown = local_images.build(
        docker_engine, "ert-test/baked:1", [*build_arguments, f"BAKE_MODEL={local_images.MODEL}"]
    )
    assert f"{local_images.MODEL} (" in shown
    assert "is in the image" in shown
