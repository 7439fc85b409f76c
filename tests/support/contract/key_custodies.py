"""Custodies of keys that pass one contract suite, each with a web host that it is for: it shows or hides values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from keyring.errors import PasswordDeleteError

from ert_deploy.adapters.custody.app import AppCustody
from ert_deploy.adapters.custody.file import FileCustody
from ert_deploy.adapters.custody.keyring import KeyringCustody
from ert_deploy.adapters.custody.web import CustodyWeb
from ert_deploy.core.model.desired import OwnedNames
from ert_deploy.core.model.observed import WebDeploy
from ert_deploy.core.model.secret import HIDDEN, Secret
from ert_deploy.ports import KeyCustody, LogLine, WebHost, WebService
from tests.support.fakes.loopback import FakeWorld, world


class Hiding:
    """A web host that never shows a value that was set: only that there is one."""

    def __init__(self, host: WebHost) -> None:
        self._host = host
        self.platform = host.platform

    def service(self, target: str) -> WebService:
        return self._host.service(target)

    def read_env(self, service_id: str) -> Mapping[str, Secret]:
        return dict.fromkeys(self._host.read_env(service_id), HIDDEN)

    def read_groups(self, service: WebService) -> Mapping[str, str]:
        return self._host.read_groups(service)

    def instances(self, service_id: str) -> tuple[str, ...]:
        return self._host.instances(service_id)

    def put_env(self, service_id: str, name: str, value: Secret) -> None:
        self._host.put_env(service_id, name, value)

    def delete_env(self, service_id: str, name: str) -> None:
        self._host.delete_env(service_id, name)

    def newest_deploy(self, service_id: str) -> WebDeploy | None:
        return self._host.newest_deploy(service_id)

    def deploy(self, service_id: str) -> WebDeploy | None:
        return self._host.deploy(service_id)

    def get_deploy(self, service_id: str, deploy_id: str) -> WebDeploy:
        return self._host.get_deploy(service_id, deploy_id)

    def failure(self, service: WebService, deploy: WebDeploy) -> str:
        return self._host.failure(service, deploy)

    def logs(self, service: WebService, tail: int) -> tuple[LogLine, ...]:
        return self._host.logs(service, tail)


class MemoryKeyring:
    """A keyring of the operating system, in memory, with the methods of `keyring`; `broken` is raised instead."""

    priority = 5

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.broken: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        if self.broken:
            raise self.broken
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.broken:
            raise self.broken
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.entries:
            raise PasswordDeleteError("there is none")
        del self.entries[service, username]


@dataclass
class Rig:
    """A fake world whose web host is reached through a custody: `begin` is what a new process does."""

    world: FakeWorld
    connect: Callable[[], KeyCustody]
    hides: bool
    custody: KeyCustody = field(init=False)

    def __post_init__(self) -> None:
        self.plain = self.world.ports.web
        self.begin()

    def begin(self) -> FakeWorld:
        """Connect anew, as another process does that knows nothing of this one."""
        self.custody = self.connect()
        names = {service: OwnedNames() for service in self.world.web.services}
        host = CustodyWeb(Hiding(self.plain) if self.hides else self.plain, self.custody, names, self.deployed)
        self.world.ports = replace(self.world.ports, web=host)
        return self.world

    @property
    def host(self) -> WebHost:
        return self.world.ports.web

    def deployed(self, service_id: str) -> str:
        rollout = self.world.store.load().rollout(service_id)
        return rollout.fingerprint if rollout is not None else ""


def by_app(_: Path) -> Rig:
    """The app's environment alone, at a host that shows it."""
    return Rig(world("ert", "dash", "admin"), AppCustody, hides=False)


def by_keyring(_: Path) -> Rig:
    """A keyring, for a host that hides."""
    backend = MemoryKeyring()
    return Rig(world("ert", "dash", "admin"), lambda: KeyringCustody("ert", backend), hides=True)


def by_file(folder: Path) -> Rig:
    """Private files, for a host that hides."""
    return Rig(world("ert", "dash", "admin"), lambda: FileCustody(folder / "keys", lambda _: None), hides=True)


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """A custody in which the process dies before or after its n-th write."""

    def __init__(self, custody: KeyCustody, after: int) -> None:
        self._custody = custody
        self._left = after  # twice the writes that go well, and one more to die after the next

    def kept(self, service_id: str) -> Mapping[str, Secret]:
        return self._custody.kept(service_id)

    def keep(self, service_id: str, values: Mapping[str, Secret]) -> None:
        if self._left == 0:
            raise Killed
        self._custody.keep(service_id, values)
        if self._left == 1:
            raise Killed
        self._left -= 2


CUSTODIES: Mapping[str, Callable[[Path], Rig]] = {"app": by_app, "keyring": by_keyring, "file": by_file}


def everything(custody: Any) -> str:
    """All that one of the custodies shows of itself where Python formats it."""
    return f"{custody!r}{custody}{vars(custody) if hasattr(custody, '__dict__') else ''}"
