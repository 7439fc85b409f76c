"""`ssh`: a shell on the GPU machine, for inspection. Makes no changes itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.external.rented_only import rented_only
from ert_deploy.app.outcome import accessible
from ert_deploy.app.replicas.sessions import of_which
from ert_deploy.config import state_of
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.age import newest
from ert_deploy.wiring import Session

if TYPE_CHECKING:
    from ert_deploy.adapters.ssh.shell import Door


@dataclass(frozen=True, slots=True)
class Shell:
    """Shell of an instance. The connection is made on first use."""

    door: Door

    @property
    def instance(self) -> InstanceId:
        """Id of the instance."""
        return self.door.instance

    def execute(self, line: str, out: Callable[[bytes], None], err: Callable[[bytes], None]) -> int:
        """Run one line and return its exit code. Raises UsageError, Failed or NeedsAttention (a changed host key)."""
        from ert_deploy.adapters.ssh.shell import execute

        return execute(self.door, line, out, err)

    def interact(self) -> int:
        """Connect the terminal of this process to it; return the exit code. Raises as `execute` does."""
        from ert_deploy.adapters.ssh.shell import interact

        return interact(self.door)


def shell(
    config: Config = None,
    *,
    identity: Path | None = None,
    replica: int | None = None,
    progress: Progress = SILENT,
    command: str = "ssh",
) -> Shell:
    """Return the shell of the newest running instance. `identity` is a private key file; default: the SSH agent.

    With `replica` it is that of this one. `command` is how a user calls it, for messages.

    Raises UsageError if the config does not permit it or no instance is reachable, and CannotObserve.
    """
    deployment = opened(config)
    rented_only(deployment, command)
    if deployment.settings.sandbox is not None:
        raise UsageError(
            "the sandbox's machines are processes of this computer and have no SSH server",
            hint="`ert-deploy logs` shows what they write",
        )
    if not deployment.settings.desired.launch.debug_ssh:
        raise UsageError("debug_ssh is off in the config", hint="set launch/debug_ssh: true; the instance is replaced")
    session = deployment.session(progress, web=False)
    chosen = _chosen(session, replica)
    if which := of_which(session, chosen):
        progress.note(which)
    return Shell(_door(session, chosen, identity))


def _chosen(session: Session, replica: int | None) -> Instance:
    """Return the newest instance that is running and reachable."""
    mine = accessible(session, replica)
    if not mine:
        raise UsageError(f"{session.desired.deployment} has no instance", hint="`ert-deploy up` rents one")
    latest = newest([i for i in mine if not i.halted] or mine)
    if latest.halted:
        raise UsageError(f"instance {latest.id} is asleep", hint="`ert-deploy wake` starts it")
    if latest.shell is None:
        raise UsageError(
            f"instance {latest.id} has no SSH address yet",
            hint="wait until it has booted; if it is older than launch/debug_ssh: true, `ert-deploy up` replaces it",
        )
    return latest


def _door(session: Session, instance: Instance, identity: Path | None) -> Door:
    """Return the endpoint of the shell and the file of known host keys: next to the state, if that is a file."""
    from ert_deploy.adapters.bounded_http import is_loopback
    from ert_deploy.adapters.ssh.known_hosts import KnownHosts
    from ert_deploy.adapters.ssh.shell import Door

    assert instance.shell is not None
    place = state_of(session.settings, session.desired.deployment)
    folder = place.parent if isinstance(place, Path) else Path(".ert")
    known, nearby = KnownHosts(folder / "known_hosts"), is_loopback(session.settings.gpu.url)
    return Door(instance.id, instance.shell, known, identity, allow_loopback=nearby)
