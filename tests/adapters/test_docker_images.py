"""Building and pushing through a Docker engine: progress, verification, and the hint of each error."""

from __future__ import annotations

import gc
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from ert_deploy.adapters.docker_images import DockerImages, split
from ert_deploy.adapters.docker_streams import PASSWORD, USERNAME
from ert_deploy.core.model.errors import ErtError, Failed, UsageError
from tests.support.doubles.docker_engine_api import DIGEST, FakeEngine
from tests.support.doubles.scripted_http import Answer, scripted

TAG = "r.example/me/ert-llm-backend:0.1.0"


@pytest.fixture(autouse=True)
def _no_login_of_mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with FakeEngine() as double:
        yield double


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM x\nUSER 10001\n")
    (context / ".dockerignore").write_text("secret.txt\n")
    (context / "secret.txt").write_text("not to be sent")
    return context


def images(engine: FakeEngine, **env: str) -> DockerImages:
    return DockerImages({"DOCKER_HOST": engine.host, **env})


def test_a_build_sends_the_folder_and_the_arguments_and_shows_its_steps(engine: FakeEngine, folder: Path) -> None:
    said: list[str] = []
    built = images(engine).build(folder, TAG, {"BAKE_MODEL": "x"}, said.append)
    assert (built.tag, built.size) == (TAG, 3_300_000_000)
    assert said == ["Step 1/2 : FROM x", "Step 2/2 : USER 10001"]
    ((query, names),) = engine.built
    assert json.loads(query["buildargs"][0]) == {"BAKE_MODEL": "x"}
    assert query["platform"] == ["linux/amd64"]
    assert "Dockerfile" in names
    assert "secret.txt" not in names


def test_a_build_that_fails_says_its_last_lines_without_escapes(engine: FakeEngine, folder: Path) -> None:
    engine.building[-1] = {"error": "The command '/bin/sh -c false' returned a non-zero code: 1"}
    with pytest.raises(Failed, match="non-zero code: 1") as failure:
        images(engine).build(folder, TAG, {}, lambda _: None)
    assert "Step 2/2" in failure.value.detail
    assert "\x1b" not in failure.value.detail


def test_a_push_gives_the_registrys_digest_and_shows_the_bytes(engine: FakeEngine) -> None:
    engine.images.add(TAG)
    said: list[str] = []
    assert images(engine).push(TAG, said.append) == DIGEST
    assert said == ["pushed 10% of 100 MB", "pushed 100% of 100 MB"]
    assert engine.pushed == [("r.example/me/ert-llm-backend", "0.1.0", {})]


def test_a_digest_in_words_is_not_believed_and_neither_is_a_wrong_one(engine: FakeEngine) -> None:
    engine.images.add(TAG)
    for last in ({"aux": {"Digest": "sha256:short"}}, {"status": "done"}):
        engine.pushing[-1] = last
        with pytest.raises(Failed, match="named no digest"):
            images(engine).push(TAG, lambda _: None)


@pytest.mark.parametrize(
    "said",
    [
        "unauthorized: authentication required",
        "denied: requested access to the resource is denied",
        "no basic auth credentials",
    ],
)
def test_a_registry_that_refuses_leads_to_a_login(engine: FakeEngine, said: str) -> None:
    engine.images.add(TAG)
    engine.pushing = [{"errorDetail": {"message": said}, "error": said}]
    with pytest.raises(UsageError, match=r"r\.example does not let us push") as refusal:
        images(engine).push(TAG, lambda _: None)
    assert "docker login r.example" in refusal.value.hint


def test_a_push_that_breaks_off_is_a_failure(engine: FakeEngine) -> None:
    engine.images.add(TAG)
    engine.pushing = [{"error": "dial tcp: lookup r.example: no such host"}]
    with pytest.raises(Failed, match="no such host"):
        images(engine).push(TAG, lambda _: None)


@pytest.mark.parametrize(
    ("platform", "said"),
    [(("linux", "arm64"), "linux/arm64"), (("windows", "amd64"), "windows/amd64"), (("", ""), "?")],
)
def test_an_image_for_another_cpu_is_refused_with_what_it_is_for(
    engine: FakeEngine, folder: Path, platform: tuple[str, str], said: str
) -> None:
    engine.platform = platform
    said = "unknown/unknown" if said == "?" else said
    with pytest.raises(UsageError, match=f"is for {said}, and the GPU machines run linux/amd64") as built:
        images(engine).build(folder, TAG, {}, lambda _: None)
    assert "image build" in built.value.hint
    with pytest.raises(UsageError, match=f"is for {said}"):
        images(engine).push(TAG, lambda _: None)
    assert engine.pushed == []


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"Entrypoint": ["/bin/ollama"], "Cmd": ["serve"]}, "runs `/bin/ollama serve`"),
        ({"Cmd": None}, "no entry point"),
    ],
)
def test_an_image_of_another_product_is_not_pushed(engine: FakeEngine, config: dict[str, object], said: str) -> None:
    engine.images.add(TAG)
    engine.config = config
    with pytest.raises(UsageError, match=f"{TAG} is not the backend: .*{said}") as refused:
        images(engine).push(TAG, lambda _: None)
    assert f"image build --tag {TAG}" in refused.value.hint
    assert engine.pushed == []


@pytest.mark.parametrize("config", [None, {"Entrypoint": ["/start"], "Labels": {"ert.backend.contract": "1"}}])
def test_an_image_of_which_it_is_not_known_what_runs_is_pushed(engine: FakeEngine, config: dict[str, object]) -> None:
    engine.images.add(TAG)
    engine.config = config
    assert images(engine).push(TAG, lambda _: None) == DIGEST


def test_an_image_that_was_not_built_is_said_before_anything_is_pushed(engine: FakeEngine) -> None:
    with pytest.raises(UsageError, match="has no image") as refusal:
        images(engine).push(TAG, lambda _: None)
    assert "image build" in refusal.value.hint
    assert engine.pushed == []


@pytest.mark.parametrize("host", ["tcp://127.0.0.1:9", "unix:///nowhere/docker.sock", "nonsense://x"])
def test_without_an_engine_it_says_where_it_looked(host: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # docker's client leaves a socket open that cannot connect
        with pytest.raises(Failed, match="no Docker engine responds at") as failure:
            DockerImages({"DOCKER_HOST": host}).push(TAG, lambda _: None)
        assert "DOCKER_HOST" in failure.value.hint
        del failure
        gc.collect()


def test_the_login_is_dockers_own_or_from_the_environment(engine: FakeEngine, tmp_path: Path) -> None:
    engine.images.add(TAG)
    given = {USERNAME: "me", PASSWORD: "registry-secret"}
    images(engine, **given).push(TAG, lambda _: None)
    assert engine.pushed[-1][2] == {"username": "me", "password": "registry-secret"}
    (tmp_path / "docker").mkdir()
    auth = "bWU6c3RvcmVkLXNlY3JldA=="
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {"r.example": {"auth": auth}}}))
    images(engine).push(TAG, lambda _: None)
    assert engine.pushed[-1][2]["password"] == "stored-secret"
    with pytest.raises(UsageError, match=PASSWORD):
        images(engine, **{USERNAME: "me"}).push(TAG, lambda _: None)


def test_no_error_shows_the_password(engine: FakeEngine) -> None:
    given = {USERNAME: "me", PASSWORD: "registry-secret"}
    engine.images.add(TAG)
    for said in ("unauthorized", "no such host", "does not exist locally"):
        engine.pushing = [{"error": said}]
        with pytest.raises(ErtError) as error:
            images(engine, **given).push(TAG, lambda _: None)
        assert "registry-secret" not in f"{error.value}{error.value.detail}{error.value.hint}{error.value.__cause__}"


@pytest.mark.parametrize("reference", ["x", "r.example:5000/x", "x@sha256:" + "a" * 64, ":1"])
def test_what_has_no_tag_is_refused(reference: str) -> None:
    with pytest.raises(UsageError, match="has no tag"):
        split(reference)
    assert split("r.example:5000/a/b:1.0") == ("r.example:5000/a/b", "1.0")


@pytest.mark.parametrize("place", ["version", "image", "push"])
def test_an_engine_that_redirects_is_followed_nowhere_and_sees_no_netrc_password(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login thief password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    image = {"Id": "sha256:1", "Os": "linux", "Architecture": "amd64"}
    with scripted({"*": Answer(200, {"ApiVersion": "1.41"})}) as other:
        away = Answer(307, {"ApiVersion": "1.41", **image}, {"Location": other.url + "/"})
        answers = {
            "GET /version": away if place == "version" else Answer(200, {"ApiVersion": "1.41"}),
            f"GET /v1.41/images/{TAG}/json": away if place == "image" else Answer(200, image),
            "*": away,
        }
        with scripted(answers) as engine, pytest.raises(Failed) as caught:
            DockerImages({"DOCKER_HOST": f"tcp://127.0.0.1:{engine.port}"}).push(TAG, lambda _: None)
    assert "redirect" in f"{caught.value} {caught.value.detail}"
    assert not other.seen
    assert not any("Authorization" in one.headers for one in engine.seen)
