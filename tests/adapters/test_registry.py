"""Registry client: what it concludes from the responses of a registry, and what it does not ask."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.registry import ACCEPT, Name, Registries, image_name, model_name
from ert_deploy.core.launching.manifest import CONTRACT, LABEL, UNASKED, Access, Manifest
from ert_deploy.sandbox.registry.server import BACKEND, Registry
from tests.support.doubles.scripted_http import Answer, Seen, scripted

LOGIN = "me:registry-secret"
AMD, ARM = "linux/amd64", "linux/arm64"
OURS: dict[str, Any] = {"program": "python -m ert_backend.guard", "contract": CONTRACT, "ports": ("8443/tcp",)}


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", Name("registry-1.docker.io", "library/nginx", "latest")),
        ("me/app:2", Name("registry-1.docker.io", "me/app", "2")),
        ("docker.io/me/app:2", Name("registry-1.docker.io", "me/app", "2")),
        ("ghcr.io/me/app:2", Name("ghcr.io", "me/app", "2")),
        ("ghcr.io/me/app:2@sha256:" + "0" * 64, Name("ghcr.io", "me/app", "sha256:" + "0" * 64)),
        ("127.0.0.1:5000/app:2", Name("127.0.0.1:5000", "app", "2")),
        ("localhost/app:2", Name("localhost", "app", "2")),
    ],
)
def test_an_image_is_looked_up_where_docker_would(image: str, name: Name) -> None:
    assert image_name(image) == name
    assert name.url.startswith("http://" if name.host.startswith(("127.", "localhost")) else "https://")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-oss:20b", Name("registry.ollama.ai", "library/gpt-oss", "20b")),
        ("me/tuned", Name("registry.ollama.ai", "me/tuned", "latest")),
        ("hf.co/me/tuned:Q4_K_M", Name("hf.co", "me/tuned", "Q4_K_M")),
    ],
)
def test_a_model_is_looked_up_where_ollama_would(model: str, name: Name) -> None:
    assert model_name(model) == name


@pytest.mark.parametrize("login", ["", LOGIN])
@pytest.mark.parametrize("challenge", ["token", "basic"])
def test_a_public_image_is_found_with_its_platforms_and_size(challenge: Any, login: str) -> None:
    public = frozenset({"me/one", "me/many"})
    with Registry(login=login, challenge=challenge, public=public) as registry:
        registry.publish("me/one", "1", AMD, size=700)
        digest = registry.publish("me/many", "1", ARM, AMD, "unknown/unknown", size=900)
        ask = Registries(loopback_only=True).image
        assert ask(f"{registry.address}/me/one:1") == Manifest(Access.FOUND, platforms=(AMD,), layers=(700,), **OURS)
        for reference in (":1", f"@{digest}"):
            found = ask(f"{registry.address}/me/many{reference}")
            assert found == Manifest(Access.FOUND, platforms=(AMD, ARM), layers=(900,), **OURS)
            assert found.runs_here
            assert found.backend
        assert ask(f"{registry.address}/me/one:2").access is Access.MISSING


@pytest.mark.parametrize("challenge", ["token", "basic"])
def test_a_private_image_is_withheld_whether_it_exists_or_not(challenge: Any) -> None:
    with Registry(login=LOGIN, challenge=challenge) as registry:
        registry.publish("me/app", "1")
        for tag in ("1", "2"):
            assert Registries().image(f"{registry.address}/me/app:{tag}").access is Access.WITHHELD


@pytest.mark.parametrize("platforms", [(ARM,), (ARM, "linux/arm")])
def test_an_image_for_another_processor_is_found_and_does_not_run_here(platforms: tuple[str, ...]) -> None:
    with Registry() as registry:
        registry.publish("me/app", "1", *platforms)
        found = Registries().image(f"{registry.address}/me/app:1")
        assert (found.access, found.runs_here, found.platforms) == (Access.FOUND, False, tuple(sorted(platforms)))


@pytest.mark.parametrize(
    ("container", "program", "backend"),
    [
        ({"Entrypoint": None, "Cmd": ["/bin/bash"]}, "/bin/bash", False),
        ({"Entrypoint": ["/bin/ollama"], "Cmd": ["serve"]}, "/bin/ollama serve", False),
        (
            {"Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["nginx"], "Labels": None},
            "/docker-entrypoint.sh nginx",
            False,
        ),
        ({"Entrypoint": ["python", "-m", "ert_backend.guard"]}, "python -m ert_backend.guard", True),
        ({"Cmd": ["/bin/sh", "-c", "python -m ert_backend.guard"]}, "/bin/sh -c python -m ert_backend.guard", True),
        ({"Entrypoint": ["/start"], "Labels": {"ert.backend.contract": CONTRACT}}, "/start", None),
        ({"Entrypoint": [], "Cmd": []}, "", False),
        (None, "", False),
        ({"Entrypoint": "python"}, None, None),
    ],
)
@pytest.mark.parametrize("platforms", [(AMD,), (AMD, ARM)])
def test_what_the_container_runs_is_read_from_the_configuration(
    container: Any, program: str | None, backend: bool | None, platforms: tuple[str, ...]
) -> None:
    with Registry() as registry:
        registry.publish("me/app", "1", *platforms, container=container)
        found = Registries().image(f"{registry.address}/me/app:1")
    assert (found.access, found.program, found.backend) == (Access.FOUND, program, backend)
    assert found.pullable


@pytest.mark.parametrize("content", [None, b"<html>", b"[]", b'{"schema": 1}'])
def test_a_configuration_that_cannot_be_read_leaves_what_runs_unknown(content: bytes | None) -> None:
    with Registry() as registry:
        registry.publish("me/app", "1", AMD)
        (digest,) = registry.blobs
        del registry.blobs[digest]
        if content is not None:
            registry.blobs[digest] = content
        found = Registries().image(f"{registry.address}/me/app:1")
    assert found == Manifest(Access.FOUND, layers=(1000,))
    assert found.backend is None
    assert not found.starts_backend


def test_the_sandbox_publishes_what_the_dockerfile_makes() -> None:
    text = (Path(__file__).parents[2] / "images" / "llm-backend" / "Dockerfile").read_text()
    (entry,) = re.findall(r"^ENTRYPOINT (\[.*\])$", text, re.MULTILINE)
    (label,) = re.findall(r'^LABEL (\S+)="(.*)"$', text, re.MULTILINE)
    (user,), (port,) = re.findall(r"^USER (.*)$", text, re.MULTILINE), re.findall(r"^EXPOSE (.*)$", text, re.MULTILINE)
    assert json.loads(entry) == BACKEND["Entrypoint"]
    assert dict([label]) == BACKEND["Labels"] == {LABEL: CONTRACT}
    assert (user, {f"{port}/tcp": {}}) == (BACKEND["User"], BACKEND["ExposedPorts"])


def test_other_registries_are_not_asked_from_the_sandbox() -> None:
    assert Registries(loopback_only=True).image("ghcr.io/me/app:1") is UNASKED
    assert Registries(loopback_only=True).model("gpt-oss:20b") is UNASKED


Reaction = Callable[[Seen], Answer]
REDIRECT = {"layers": [{"size": 5}], "config": {"digest": "sha256:c"}}


def challenged(realm: str) -> Answer:
    return Answer(401, {}, {"WWW-Authenticate": f'Bearer realm="{realm}",service="s",scope="repository:me/app:pull"'})


@pytest.mark.parametrize(
    ("answer", "access", "detail"),
    [
        (Answer(500, {"errors": [{"message": "broken"}]}), Access.UNREAD, "status 500, broken"),
        (Answer(429, {"errors": [{"code": "TOOMANYREQUESTS"}]}), Access.UNREAD, "TOOMANYREQUESTS"),
        (Answer(200, b"<html>"), Access.UNREAD, "invalid response"),
        (Answer(200, []), Access.UNREAD, "invalid response"),
        (Answer(302, None, {"Location": "https://elsewhere.example"}), Access.UNREAD, "status 302"),
        (Answer(reset=True), Access.UNREAD, "the connection broke"),
        (Answer(403, b"no json"), Access.WITHHELD, "status 403"),
        (challenged("https://token.example/"), Access.UNREAD, "not allowed"),
    ],
)
def test_what_is_no_clear_answer_is_unread_and_never_missing(answer: Answer, access: Access, detail: str) -> None:
    with scripted({"*": answer}) as script:
        found = Registries().image(f"{script.url.partition('://')[2]}/me/app:1")
    assert found.access is access
    assert detail in found.detail or access is Access.UNREAD


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_token_that_is_not_given_is_withheld_or_unread(status: int) -> None:
    def react(seen: Seen) -> Answer:
        if seen.path == "/token":
            return Answer(status, {"errors": [{"code": "DENIED"}]})
        return challenged(f"http://{seen.headers['Host']}/token")

    with scripted({"*": react}) as script:
        found = Registries().image(f"{script.url.partition('://')[2]}/me/app:1")
    assert found.access is (Access.WITHHELD if status == 403 else Access.UNREAD)


def test_the_configuration_is_followed_to_where_it_is_kept_without_the_token() -> None:
    asked: list[tuple[str, str | None]] = []

    def react(seen: Seen) -> Answer:
        asked.append((seen.path, seen.headers.get("Authorization")))
        match seen.path.split("/")[-2:]:
            case ["manifests", _] if "Authorization" not in seen.headers:
                return challenged(f"http://{seen.headers['Host']}/token")
            case ["", "token"]:
                assert seen.query == {"service": ["s"], "scope": ["repository:me/app:pull"]}
                return Answer(200, {"access_token": "t"})
            case ["manifests", _]:
                assert seen.headers["Accept"] == ACCEPT
                return Answer(200, REDIRECT)
            case ["blobs", _]:
                return Answer(307, None, {"Location": "/store/config"})
            case _:
                return Answer(200, json.dumps({"os": "linux", "architecture": "arm64"}).encode())

    with scripted({"*": react}) as script:
        found = Registries().image(f"{script.url.partition('://')[2]}/me/app:1")
    assert found == Manifest(Access.FOUND, platforms=(ARM,), layers=(5,), program="")
    assert ("/store/config", None) in asked
    assert [path for path, sent in asked if sent == "Bearer t"] == [
        "/v2/me/app/manifests/1",
        "/v2/me/app/blobs/sha256:c",
    ]
