"""User's app: runs the build and start commands of a folder in place of the dashboard.

Both commands are run by bash in that folder, with the Python that runs the sandbox first on PATH; what the app imports
has to be installed there, because a build reaches loopback only. A bind to all addresses becomes one to loopback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ert_deploy.sandbox.render.deploys import Deployer
from ert_deploy.sandbox.render.endings import Ended
from ert_deploy.sandbox.render.fleet import Canceled
from ert_deploy.sandbox.render.models import Deploy, Service
from ert_deploy.sandbox.render.process import Instance, failure_of, inherited
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
        if self.app is None or not self.app.build:
            return

        def log(message: str) -> None:
            self.store.log(service.id, message, kind="build")

        log(f"==> Running build command '{self.app.build}'...")
        process = Instance(
            deploy.build_id,
            service.id,
            deploy.id,
            command=shell(self.app.build),
            cwd=self.app.folder,
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
            raise Ended("build_failed", {"failure": failure_of(process.exit_code)})


def shell(command: str) -> Sequence[str]:
    """Return the command line that runs `command` in bash, on loopback where it says all addresses."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return ["env", f"PATH={path}", "bash", "-c", command.replace("0.0.0.0", "127.0.0.1")]  # noqa: S104 - replaced
