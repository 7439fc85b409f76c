"""A Docker engine for the tests: the one already available, or a private one in a separate directory.

The tests are skipped with a reason when no engine can be started; nothing outside of the directory is modified.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.backend.rig import wait_for

# Linux writes addresses there as hexadecimal in the machine's byte order (proc_net_route.5).
DEFAULT_ROUTE = """
import socket, struct, sys
for line in open("/proc/net/route").read().splitlines()[1:]:
    _, destination, gateway, *_ = line.split()
    if destination == "00000000":
        sys.exit(print(socket.inet_ntoa(struct.pack("=L", int(gateway, 16)))))
sys.exit("the container has no default route")
"""


class NoEngine(Exception):
    """Raised when no engine is available and none can be started; the message states the reason."""


@dataclass(frozen=True)
class Engine:
    """Access to the engine: the environment variables of a client."""

    env: dict[str, str]

    @property
    def host(self) -> str:
        return self.env.get("DOCKER_HOST", "unix:///var/run/docker.sock")

    def run(self, *arguments: str, check: bool = True, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run one docker command; its output is in the error when it fails."""
        done = subprocess.run(
            ["docker", *arguments], env=self.env, capture_output=True, text=True, timeout=seconds, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"docker {' '.join(arguments)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def says(self, *arguments: str) -> str:
        return self.run(*arguments).stdout.strip()

    def gateway(self, image: str) -> str:
        """Return the address of the host in a container of `image`: its default route, which `inspect` may lack."""
        return self.says("run", "--rm", "--entrypoint", "python3", image, "-c", DEFAULT_ROUTE)


@contextlib.contextmanager
def engine() -> Iterator[Engine]:
    """Yield the engine; raise NoEngine when there is none."""
    if shutil.which("docker") is None:
        raise NoEngine("there is no docker client on this machine")
    given = Engine(dict(os.environ))
    if _answers(given):
        yield given
        return
    if shutil.which("dockerd") is None:
        raise NoEngine("no Docker engine answers, and there is no dockerd that could be started")
    if os.geteuid() != 0:
        raise NoEngine("no Docker engine answers, and only root can start one")
    with tempfile.TemporaryDirectory(prefix="ert-docker-", ignore_cleanup_errors=True) as folder:
        yield from _started(Path(folder))


def _answers(candidate: Engine) -> bool:
    return candidate.run("info", "--format", "{{.ServerVersion}}", check=False, seconds=30).returncode == 0


def _started(folder: Path) -> Iterator[Engine]:
    """Run `dockerd` with all its files in `folder`; at the end, containerd and every container are removed with it."""
    address = f"unix://{folder}/docker.sock"
    command: Sequence[str] = (
        "dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-H", address,
        "--pidfile", f"{folder}/pid",
    )  # fmt: skip
    ours = Engine({**os.environ, "DOCKER_HOST": address})
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        try:
            wait_for(lambda: process.poll() is not None or _answers(ours), 30)
        except AssertionError:
            raise NoEngine("dockerd was started and does not answer") from None
        if process.poll() is not None:
            last = (folder / "log").read_text(errors="replace").strip().splitlines()[-1:]
            raise NoEngine(f"dockerd cannot run here: {''.join(last)[:300]}")
        yield ours
    finally:
        process.terminate()
        process.wait(60)
