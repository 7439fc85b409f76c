"""A host of web services in memory: environments, deploys one at a time, and the running snapshot."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ert_deploy.core.model.desired import OwnedNames, Target
from ert_deploy.core.model.errors import NoSuchService, Rejected
from ert_deploy.core.model.observed import DeployKind, WebDeploy
from ert_deploy.core.model.provider import Platform
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import fingerprint
from ert_deploy.ports import AppAnswer, LogLine, WebService
from tests.support.fakes.timing import FakeClock, Plans

NEIGHBOURS = {"OTHER": Secret("kept"), "DATABASE_URL": Secret("postgres://x")}

PLATFORM = Platform("Webhost", "webhost/services", preview_variable="IS_PREVIEW")
KNOWN = {*NEIGHBOURS, *OwnedNames().all(), *(f"{name}_{k}" for name in OwnedNames().all() for k in range(2, 9))}


@dataclass
class FakeService:
    """A web service: its environment, the running snapshot, its deploys, and whether one is queued."""

    id: str
    name: str
    env: dict[str, Secret] = field(default_factory=lambda: dict(NEIGHBOURS))
    running: dict[str, Secret] = field(default_factory=dict)
    deploys: list[tuple[WebDeploy, dict[str, Secret]]] = field(default_factory=list)
    queued: bool = False
    suspended: str = ""
    has_disk: bool = False
    sleeps: str = ""
    unreachable: bool = False
    preview_of: str = ""
    makes_previews: bool = False
    instances: int = 1
    worker: bool = False
    grouped: dict[str, str] = field(default_factory=dict)

    def neighbours_kept(self) -> bool:
        """Whether every variable that the deployment does not own is unchanged."""
        return all(self.env.get(name) is value for name, value in NEIGHBOURS.items()) and not self.env.keys() - KNOWN


class FakeWeb:
    """A web host, and the probe of its apps.

    A deploy takes `takes` seconds; then the snapshot of its start runs, unless `endings` (used up one by one) or
    `ending` specify a failure. One requested while another is in progress is queued and has no id yet.
    `flicker` are the next values that the app shows (... for the actual one); `trims` strips written values.
    """

    def __init__(self, clock: FakeClock, *names: str) -> None:
        self.clock = clock
        self.services = {n: FakeService(f"srv-{n}", n) for n in names}
        self.faults = Plans(clock)
        self.takes = 30.0
        self.ending = "live"
        self.endings: list[str] = []
        self.shows: str | None = ""
        self.flicker: list[object] = []
        self.trims = False
        self.platform = PLATFORM
        self.answers: dict[str, AppAnswer] = {}
        self.processes: dict[str, str] = {}  # fingerprint by the id of an instance
        self.named = True
        self.numbers = itertools.count(1)
        clock.hooks.append(self._advance)

    def service(self, target: str) -> WebService:
        self.faults.before("service")
        found = self.services.get(target)
        if found is None:
            raise NoSuchService(f"there is no service {target}")
        url = "" if found.worker else f"https://{found.name}.example.org"
        about = found.suspended, found.has_disk, found.sleeps, found.unreachable or found.worker
        more = found.preview_of, found.makes_previews, found.instances
        return WebService(found.id, found.name, url, "tea-1", *about, *more)

    def read_groups(self, service: WebService) -> Mapping[str, str]:
        self.faults.before("read_groups")
        return dict(self._find(service.id).grouped)

    def read_env(self, service_id: str) -> Mapping[str, Secret]:
        self.faults.before("read_env")
        return dict(self._find(service_id).env)

    def put_env(self, service_id: str, name: str, value: Secret) -> None:
        error = self.faults.due("put_env")
        if error is None or error.detail == "after":
            self._find(service_id).env[name] = Secret(value.reveal().strip()) if self.trims else value
        if error is not None:
            raise error

    def delete_env(self, service_id: str, name: str) -> None:
        error = self.faults.due("delete_env")
        if error is None or error.detail == "after":
            self._find(service_id).env.pop(name, None)
        if error is not None:
            raise error

    def newest_deploy(self, service_id: str) -> WebDeploy | None:
        self.faults.before("newest_deploy")
        deploys = self._find(service_id).deploys
        return deploys[-1][0] if deploys else None

    def deploy(self, service_id: str) -> WebDeploy | None:
        """Queued faults by their detail: "empty" is a response without an id, "after" is raised after the effect."""
        error, service = self.faults.due("deploy"), self._find(service_id)
        if error is not None and error.detail not in ("empty", "after"):
            raise error
        if service.suspended:
            raise Rejected("the service is suspended")
        made = self.start_deploy(service)
        if error is not None and error.detail == "after":
            raise error
        return made if error is None else None

    def start_deploy(self, service: FakeService) -> WebDeploy | None:
        """Start a deploy, by whatever trigger: a push, the dashboard, or the API."""
        if any(d.kind is DeployKind.IN_FLIGHT for d, _ in service.deploys):
            service.queued = True
            return None
        made = WebDeploy(f"dep-{next(self.numbers)}", "update_in_progress", DeployKind.IN_FLIGHT, self.clock.real())
        service.deploys.append((made, dict(service.env)))
        return made

    def supersede(self, name: str) -> None:
        """Cancel the deploy in progress and start another one in its place."""
        service = self.services[name]
        service.deploys = [
            (replace(d, status="canceled", kind=DeployKind.REPLACED), env)
            if d.kind is DeployKind.IN_FLIGHT
            else (d, env)
            for d, env in service.deploys
        ]
        self.start_deploy(service)

    def get_deploy(self, service_id: str, deploy_id: str) -> WebDeploy:
        self.faults.before("get_deploy")
        return next(d for d, _ in self._find(service_id).deploys if d.id == deploy_id)

    def failure(self, service: WebService, deploy: WebDeploy) -> str:
        return "unhealthy: exited with 1\nlast line of the log"

    def instances(self, service_id: str) -> tuple[str, ...]:
        self.faults.before("instances")
        return tuple(self.processes)

    def fingerprints(self, app_url: str, target: Target, most: int) -> Mapping[str, str]:
        """Implements AppProbe: return what the first `most` instances show, where they report their id."""
        self.faults.due("fingerprints")
        return dict(list(self.processes.items())[:most]) if self.named else {}

    def logs(self, service: WebService, tail: int) -> tuple[LogLine, ...]:
        self.faults.before("logs")
        lines = [f"==> Deploy {deploy.id} is {deploy.status}" for deploy, _ in self._find(service.id).deploys]
        return tuple(LogLine(self.clock.now(), line) for line in lines or ["==> created"])[-tail:]

    def fingerprint(self, app_url: str, target: Target) -> str | None:
        """Implements AppProbe: return the fingerprint that the running snapshot shows."""
        self.faults.due("fingerprint")
        name = self._name(app_url)
        shown = self.flicker.pop(0) if self.flicker else ...
        if shown is not ...:
            return shown if isinstance(shown, str) else None
        if name not in self.services:
            return None
        return self.shown(name, target) if self.shows == "" else self.shows

    def answer(self, app_url: str, target: Target) -> AppAnswer:
        """Implements AppProbe: return the configured response of the app."""
        self.faults.due("answer")
        return self.answers.get(app_url, AppAnswer(200 if self._name(app_url) in self.services else 0))

    @staticmethod
    def _name(app_url: str) -> str:
        return app_url.removeprefix("https://").removeprefix("www.").removesuffix(".example.org")

    def shown(self, name: str, target: Target) -> str | None:
        """Return the fingerprint of the running snapshot, None when it does not match the variables."""
        running = self.services[name].running
        own = {k: v for k, v in running.items() if k in target.names.all() and k != target.names.fingerprint}
        shown = running.get(target.names.fingerprint)
        return shown.reveal() if shown is not None and shown.reveal() == fingerprint(own) else None

    def _find(self, service_id: str) -> FakeService:
        return next(s for s in self.services.values() if s.id == service_id)

    def _advance(self) -> None:
        for service in self.services.values():
            for index, (made, env) in enumerate(service.deploys):
                if made.kind is DeployKind.IN_FLIGHT and self.clock.real() - made.created >= self.takes:
                    self._end(service, index, env)

    def _end(self, service: FakeService, index: int, env: dict[str, Secret]) -> None:
        status = self.endings.pop(0) if self.endings else self.ending
        kind = DeployKind.LIVE if status == "live" else DeployKind.FAILED
        if kind is DeployKind.LIVE:
            service.running = env
            service.deploys = [
                (replace(d, status="deactivated", kind=DeployKind.REPLACED), e) if d.kind is DeployKind.LIVE else (d, e)
                for d, e in service.deploys
            ]
        service.deploys[index] = (replace(service.deploys[index][0], status=status, kind=kind), env)
        if service.queued:
            service.queued = False
            self.start_deploy(service)
