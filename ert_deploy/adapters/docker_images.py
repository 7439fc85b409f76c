"""Docker images: builds and pushes an image through the Docker engine. Only this module imports the package `docker`.

Credentials come from Docker's own storage (its config file, a credential helper) or from ERT_REGISTRY_USERNAME and
ERT_REGISTRY_PASSWORD, never from an argument. Messages of the engine are sanitized before they are displayed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ert_deploy.adapters.bounded_http import anonymous
from ert_deploy.adapters.docker_streams import (
    PASSWORD,
    USERNAME,
    Layer,
    Say,
    follow_build,
    follow_push,
    layers,
    only_file,
)
from ert_deploy.adapters.extras import part_of
from ert_deploy.core import redaction
from ert_deploy.core.launching.manifest import Access, Manifest, container_fields
from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.text import printable

SECRET_PARTS = frozenset({"password", "identitytoken", "registrytoken", "auth"})  # secret fields of a login
PLATFORM = "linux/amd64"  # the platform of the machines on the market
PATIENCE = 600  # timeout in seconds without data from the engine: a build step may be silent for minutes

SBOM = "/usr/share/ert/sbom.cdx.json"


@dataclass(frozen=True, slots=True)
class Built:
    """A built image: its tag, the engine's id for it, its unpacked size in bytes and its platform.

    `layers` are the layers with content, the base image's first. `container` is what the engine reports of what runs.
    """

    tag: str
    id: str
    size: int
    platform: str = PLATFORM
    layers: tuple[Layer, ...] = ()
    container: Manifest = field(default=Manifest(Access.FOUND), repr=False)


def split(reference: str) -> tuple[str, str]:
    """Split `repository:tag`; raise `UsageError` without a tag or with a digest (which only a push can determine)."""
    repository, _, tag = reference.rpartition(":")
    if "@" in reference or not repository or "/" in tag:
        raise UsageError(f"{printable(reference, 120)} has no tag", hint="such as ghcr.io/name/ert-llm-backend:0.1.0")
    return repository, tag


class DockerImages:
    """Client of one engine: the one at DOCKER_HOST, or at the default socket."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self._env = os.environ if env is None else env

    def build(self, folder: Path, tag: str, arguments: Mapping[str, str], say: Say) -> Built:
        """Build the Dockerfile in `folder`. Raise `UsageError` (also for another CPU) or `Failed`."""
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
            follow_build(lines, say)
            return replace(_of_the_hosts(self._look(api, tag)), layers=layers(api.history(tag)))

    def bill_of_materials(self, tag: str) -> bytes:
        """Return the CycloneDX SBOM inside a local image. Raise `UsageError` or `Failed`."""
        with self._engine() as api:
            self._look(api, tag)
            made = api.create_container(tag, command=["true"], network_disabled=True)["Id"]
            try:
                chunks, _ = api.get_archive(made, SBOM)
                return only_file(b"".join(chunks))
            finally:
                api.remove_container(made, v=True, force=True)

    def push(self, tag: str, say: Say) -> str:
        """Push a local image and return its digest in the registry. Raise `UsageError` or `Failed`."""
        repository, name = split(tag)
        with self._engine() as api:
            _of_the_backend(_of_the_hosts(self._look(api, tag)))
            login = self._login() or _stored_login(api, repository)
            lines = api.push(repository, tag=name, stream=True, decode=True, auth_config=login)
            digest = follow_push(lines, repository, say)
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
        config = found.get("Config")
        made = Manifest(Access.FOUND, **(container_fields(config) if config else {}))
        return Built(tag, str(found.get("Id", "")), int(found.get("Size") or 0), platform, container=made)

    def _login(self) -> dict[str, str] | None:
        """Return the login of the environment; None leaves it to Docker's own config and credential helpers."""
        username, password = self._env.get(USERNAME, ""), self._env.get(PASSWORD, "")
        if bool(username) != bool(password):
            raise UsageError(f"only one of {USERNAME} and {PASSWORD} is set", hint="set both, or use `docker login`")
        redaction.hold(password, f"{username}:{password}" if username else "")
        return {"username": username, "password": password} if username else None

    @contextmanager
    def _engine(self) -> Iterator[Any]:
        """Connect to a running engine; convert every exception of the package to an `ErtError`."""
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
            raise Failed(f"the Docker engine returned an error: {printable(error.explanation or error)}") from None
        except (BuildError, DockerException) as error:
            raise Failed(f"docker: {printable(error)}") from None
        except requests.exceptions.RequestException as error:
            raise Failed(f"the Docker engine stopped responding ({type(error).__name__})") from None
        finally:
            client.close()


def _client(env: Mapping[str, str]) -> Any:
    """Create the client of the package, which by default follows redirects and reads .netrc for an engine over TCP."""
    from docker import APIClient
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    class Strict(APIClient):  # type: ignore[misc]
        """A client that sends requests only to the configured engine."""

        def request(self, method: str, url: str, **named: Any) -> Any:
            response = super().request(method, url, **{**named, "auth": anonymous, "allow_redirects": False})
            if 300 <= response.status_code < 400:
                response.close()
                raise DockerException("it returned a redirect, which is not followed")
            return response

    return Strict(**kwargs_from_env(environment=dict(env)), timeout=PATIENCE, version="auto")


def _stored_login(api: Any, repository: str) -> dict[str, str] | None:
    """Return the login of Docker's config file or credential helper for the registry, as the package would find it."""
    from docker.auth import resolve_repository_name

    login: dict[str, str] | None = api._auth_configs.resolve_authconfig(resolve_repository_name(repository)[0]) or None
    for name, value in (login or {}).items():
        redaction.hold(str(value) if value and name.lower() in SECRET_PARTS else "")
    if login and login.get("password"):
        redaction.hold(f"{login.get('username')}:{login['password']}")
    return login


def _of_the_hosts(built: Built) -> Built:
    """Return the image if the machines on the market can run it, else raise `UsageError`."""
    if built.platform != PLATFORM:
        raise UsageError(
            f"{printable(built.tag, 120)} is for {built.platform}, and the GPU machines run {PLATFORM}",
            hint=f"`ert-deploy image build --tag {printable(built.tag, 120)}` builds for {PLATFORM}; an engine on "
            "another CPU needs its emulation (`docker run --privileged --rm tonistiigi/binfmt --install amd64`)",
        )
    return built


def _of_the_backend(built: Built) -> None:
    """Raise `UsageError` for an image of another product, before it is uploaded and gets into a config."""
    if built.container.backend is False:
        program = built.container.program
        runs = f"its container runs `{printable(program, 80)}`" if program else "it has no entry point"
        raise UsageError(
            f"{printable(built.tag, 120)} is not the backend: {runs}",
            hint=f"`ert-deploy image build --tag {printable(built.tag, 120)}` makes one",
        )


def _no_engine(env: Mapping[str, str], error: Exception) -> Failed:
    where = env.get("DOCKER_HOST", "") or "the default socket"
    return Failed(
        f"no Docker engine responds at {printable(where, 120)}",
        detail=printable(error),
        hint="start Docker, or point DOCKER_HOST to an engine",
    )
