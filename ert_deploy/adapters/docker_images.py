"""Builds and pushes an image through the Docker engine. The only place that knows the package `docker`.

Logins come from where docker keeps them (its config file, a credential helper) or from ERT_REGISTRY_USERNAME and
ERT_REGISTRY_PASSWORD; never from an argument. What the engine says is cleaned before it is shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ert_deploy.adapters.bounded_http import anonymous
from ert_deploy.adapters.extras import part_of
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.text import printable

USERNAME, PASSWORD = "ERT_REGISTRY_USERNAME", "ERT_REGISTRY_PASSWORD"
SECRET_PARTS = frozenset({"password", "identitytoken", "registrytoken", "auth"})  # of a login
PLATFORM = "linux/amd64"  # what the machines on the market run
PATIENCE = 600  # seconds without a byte from the engine: a step of a build may be silent for minutes
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_STEP = re.compile(r"Step \d+/\d+ : .*")
_DENIED = re.compile(r"unauthorized|denied|authentication required|no basic auth|forbidden|incorrect username", re.I)
_ABSENT = re.compile(r"does not exist locally|no such image|not exist", re.I)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Built:
    """A built image: its tag, the engine's id of it, its unpacked size in bytes, and what it runs on."""

    tag: str
    id: str
    size: int
    platform: str = PLATFORM


def split(reference: str) -> tuple[str, str]:
    """Repository and tag of `repository:tag`; UsageError without a tag, or with a digest (that is what push gives)."""
    repository, _, tag = reference.rpartition(":")
    if "@" in reference or not repository or "/" in tag:
        raise UsageError(f"{printable(reference, 120)} has no tag", hint="such as ghcr.io/name/ert-llm-backend:0.1.0")
    return repository, tag


class DockerImages:
    """One engine: the one that DOCKER_HOST, or else the default socket, leads to."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self._env = os.environ if env is None else env

    def build(self, folder: Path, tag: str, arguments: Mapping[str, str], say: Say) -> Built:
        """Build the Dockerfile of `folder`. Raises UsageError (also for another CPU) or Failed."""
        split(tag)
        with self._engine() as api:
            lines = api.build(
                path=str(folder),
                tag=tag,
                buildargs=dict(arguments),
                platform=PLATFORM,
                rm=True,
                forcerm=True,
                decode=True,
            )
            _follow_build(lines, say)
            return _of_the_hosts(self._look(api, tag))

    def push(self, tag: str, say: Say) -> str:
        """Push an image that is here; the digest the registry knows it by. Raises UsageError or Failed."""
        repository, name = split(tag)
        with self._engine() as api:
            _of_the_hosts(self._look(api, tag))
            login = self._login() or _stored_login(api, repository)
            lines = api.push(repository, tag=name, stream=True, decode=True, auth_config=login)
            digest = _follow_push(lines, repository, say)
            if digest is None:
                raise Failed(f"{tag} was pushed, but the registry named no digest", hint="push again")
            return digest

    def _look(self, api: Any, tag: str) -> Built:
        from docker.errors import ImageNotFound

        try:
            found = api.inspect_image(tag)
        except ImageNotFound:
            raise UsageError(
                f"this engine has no image {tag}", hint=f"`ert-deploy image build --tag {tag}` makes it"
            ) from None
        platform = "/".join(printable(found.get(part) or "unknown", 20) for part in ("Os", "Architecture"))
        return Built(tag, str(found.get("Id", "")), int(found.get("Size") or 0), platform)

    def _login(self) -> dict[str, str] | None:
        """None leaves it to docker's own config and credential helpers."""
        username, password = self._env.get(USERNAME, ""), self._env.get(PASSWORD, "")
        if bool(username) != bool(password):
            raise UsageError(f"only one of {USERNAME} and {PASSWORD} is set", hint="set both, or use `docker login`")
        redaction.hold(password, f"{username}:{password}" if username else "")
        return {"username": username, "password": password} if username else None

    @contextmanager
    def _engine(self) -> Iterator[Any]:
        """A client of an engine that answers; every error of the package comes out as one of ours."""
        with part_of("image", "`ert-deploy image`"):
            from docker.errors import APIError, BuildError, DockerException
        import requests

        try:
            client = _client(self._env)
        except DockerException as error:
            raise _no_engine(self._env, error) from None
        try:
            yield client
        except APIError as error:
            raise Failed(f"the Docker engine refused: {printable(error.explanation or error)}") from None
        except (BuildError, DockerException) as error:
            raise Failed(f"docker: {printable(error)}") from None
        except requests.exceptions.RequestException as error:
            raise Failed(f"the Docker engine stopped answering ({type(error).__name__})") from None
        finally:
            client.close()


def _client(env: Mapping[str, str]) -> Any:
    """The package's client, which by itself follows redirects and shows an engine behind TCP a .netrc password."""
    from docker import APIClient
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    class Strict(APIClient):  # type: ignore[misc]
        """One engine, and nobody else."""

        def request(self, method: str, url: str, **named: Any) -> Any:
            response = super().request(method, url, **{**named, "auth": anonymous, "allow_redirects": False})
            if 300 <= response.status_code < 400:
                response.close()
                raise DockerException("it answers with a redirect, which is not followed")
            return response

    return Strict(**kwargs_from_env(environment=dict(env)), timeout=PATIENCE, version="auto")


def _stored_login(api: Any, repository: str) -> dict[str, str] | None:
    """What docker's config file or credential helper has for the registry, as the package itself would find it."""
    from docker.auth import resolve_repository_name

    login: dict[str, str] | None = api._auth_configs.resolve_authconfig(resolve_repository_name(repository)[0]) or None
    for name, value in (login or {}).items():
        redaction.hold(str(value) if value and name.lower() in SECRET_PARTS else "")
    if login and login.get("password"):
        redaction.hold(f"{login.get('username')}:{login['password']}")
    return login


def _of_the_hosts(built: Built) -> Built:
    """The image, if the machines on the market can run it."""
    if built.platform != PLATFORM:
        raise UsageError(
            f"{printable(built.tag, 120)} is for {built.platform}, and the GPU machines run {PLATFORM}",
            hint=f"`ert-deploy image build --tag {printable(built.tag, 120)}` builds for {PLATFORM}; an engine on "
            "another CPU needs its emulation (`docker run --privileged --rm tonistiigi/binfmt --install amd64`)",
        )
    return built


def _no_engine(env: Mapping[str, str], error: Exception) -> Failed:
    where = env.get("DOCKER_HOST", "") or "the default socket"
    return Failed(
        f"no Docker engine answers at {printable(where, 120)}",
        detail=printable(error),
        hint="start Docker, or point DOCKER_HOST to an engine",
    )


def _follow_build(lines: Iterable[Mapping[str, Any]], say: Say) -> None:
    """Show each step as it begins; Failed with what was said last when the build ends in an error.

    Read to the end in any case: a stream that is left half read keeps its connection.
    """
    last: list[str] = []
    wrong = ""
    for line in lines:
        text = printable(line.get("stream") or line.get("status") or "", 160)
        if _STEP.fullmatch(text):
            say(text)
        if text:
            last = [*last[-7:], text]
        wrong = wrong or printable(line.get("error") or "")
    if wrong:
        raise Failed(f"the build ended with an error: {wrong}", detail="\n".join(last))


def _follow_push(lines: Iterable[Mapping[str, Any]], repository: str, say: Say) -> str | None:
    """Show the bytes that have gone out, at every tenth; the digest when the registry named one."""
    digest, told, wrong = None, -1, ""
    sizes: dict[str, tuple[int, int]] = {}
    for line in lines:
        wrong = wrong or str(line.get("error") or "")
        digest = _digest_in(line) or digest
        detail = line.get("progressDetail") or {}
        if detail.get("total"):
            sizes[str(line.get("id", ""))] = (int(detail.get("current") or 0), int(detail["total"]))
        sent, whole = (sum(column) for column in zip(*sizes.values(), strict=True)) if sizes else (0, 0)
        if whole and sent * 10 // whole > told:
            told = sent * 10 // whole
            say(f"pushed {min(1.0, sent / whole):.0%} of {whole / 1e6:.0f} MB")
    if wrong:
        raise _refused(wrong, repository)
    return digest


def _digest_in(line: Mapping[str, Any]) -> str | None:
    aux = line.get("aux")
    said = str(aux.get("Digest", "")) if isinstance(aux, Mapping) else ""
    return said if _DIGEST.fullmatch(said) else None


def _refused(said: str, repository: str) -> UsageError | Failed:
    registry = repository.partition("/")[0]
    if _DENIED.search(said):
        return UsageError(
            f"{registry} does not let us push {repository}",
            detail=printable(said),
            hint=f"`docker login {registry}`, or set {USERNAME} and {PASSWORD}",
        )
    if _ABSENT.search(said):
        return UsageError(f"there is no image {repository} to push", detail=printable(said))
    return Failed(f"the push to {registry} failed: {printable(said)}", hint="push again; what has arrived is kept")
