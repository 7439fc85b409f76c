"""User's app: runs the build, pre-deploy and start commands of a folder in place of the dashboard.

Both commands are run by bash in that folder, with the Python that runs the sandbox first on PATH; what the app imports
has to be installed there, because a build reaches loopback only. A bind to all addresses becomes one to loopback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ert_deploy.sandbox.render.deploys import Deployer
from ert_deploy.sandbox.render.endings import Ended
from ert_deploy.sandbox.render.fleet import Canceled
from ert_deploy.sandbox.render.models import Deploy, Service
from ert_deploy.sandbox.render.process import Instance, failure_of, inherited, shell
from ert_deploy.sandbox.runtime.loopback import confined

TICK_REAL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class UserApp:
    """A folder with its commands. `build` may be empty; `health` is a path, empty for a TCP check.

    `previews` is the value of `previews.generation`.
    """

    folder: Path
    start: str
    build: str = ""
    health: str = ""
    instances: int = 1
    previews: str = "off"
    env: Mapping[str, str] = field(default_factory=dict)

    def command(self, _port: int) -> Sequence[str]:
        """Return the command line of one instance; its port is in PORT."""
        return shell(self.start)

    def details(self) -> dict[str, object]:
        """Return the `serviceDetails` that differ from the default."""
        commands = {"buildCommand": self.build, "startCommand": self.start}
        return {
            "envSpecificDetails": commands,
            "healthCheckPath": self.health,
            "numInstances": self.instances,
            "previews": {"generation": self.previews},
        }


@dataclass(slots=True)
class AppDeployer(Deployer):
    """A deployer whose builds run the build command of `app`; one that fails ends the deploy as `build_failed`."""

    app: UserApp | None = None

    def compile(self, service: Service, deploy: Deploy) -> None:
        """Run the build command with the environment of the deploy. Raises `Canceled` and `Ended`."""
        Deployer.compile(self, service, deploy)
        if self.app is not None and self.app.build:
            self._run(service, deploy, self.app.build, "build")

    def migrate(self, service: Service, deploy: Deploy) -> None:
        """Run the pre-deploy command, which a free service does not have. Raises `Canceled` and `Ended`.

        The version before it serves meanwhile, and goes on if the command fails (render.com/docs/deploys). A service
        with a command line that a test chose for it has no program to run this in.
        """
        command = service.details["envSpecificDetails"].get("preDeployCommand")
        chosen = self.fleet.command is not None and self.app is None
        if not command or chosen or service.details["plan"] == "free":
            return
        self.mark(deploy, "pre_deploy_in_progress")
        self._run(service, deploy, str(command), "pre_deploy")

    def _run(self, service: Service, deploy: Deploy, command: str, stage: str) -> None:
        """Run the command of one stage to its end. Raises `Ended` with `<stage>_failed` unless it exits with 0."""
        kind = "build" if stage == "build" else "app"

        def log(message: str) -> None:
            self.store.log(service.id, message, kind=kind)

        log(f"==> Running {stage.replace('_', '-')} command '{command}'...")
        process = Instance(
            f"{deploy.build_id}-{stage}",
            service.id,
            deploy.id,
            command=shell(command),
            cwd=self.fleet.cwd,
            env=confined({**inherited(), "RENDER": "true"}, self.fleet.book.directory, deploy.env),
            port=0,
            created=self.store.clock.now(),
            sink=log,
            book=self.fleet.book,
        )
        while not process.exited.wait(TICK_REAL_SECONDS):
            if deploy.cancel.is_set() or self.store.closing.is_set():
                process.kill()
                raise Canceled
        if process.exit_code:
            raise Ended(f"{stage}_failed", {"failure": failure_of(process.exit_code)})
