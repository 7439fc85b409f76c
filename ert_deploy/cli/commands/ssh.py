"""`ert-deploy ssh`: run something on the GPU machine, or look around there. It changes nothing itself."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

import click

from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.streams import safe
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import Instance

if TYPE_CHECKING:
    from ert_deploy.adapters.ssh.shell import Door
    from ert_deploy.wiring import House

LONGEST = 65536  # bytes of a line that has no end


@click.command("ssh")
@config_option
@json_option
@click.option(
    "--identity",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    help="File of the private key; default: the keys of your SSH agent.",
)
@click.argument("words", metavar="[-- COMMAND...]", nargs=-1)
def command(config: str | None, as_json: bool, identity: Path | None, words: tuple[str, ...]) -> None:
    """Run COMMAND on the GPU machine, or open a shell there.

    The config must say `debug_ssh: true` under `launch`. One word is a line for the shell there; several are quoted
    each for itself. COMMAND's exit code is passed on; it gets no input.
    """
    if not words and (as_json or not sys.stdin.isatty()):
        raise UsageError("there is no COMMAND, and no terminal for a shell", hint="`ert-deploy ssh -- COMMAND...`")
    with interruptible():
        door = _door(config, identity)
        code = _run(door, words[0] if len(words) == 1 else shlex.join(words), as_json=as_json) if words else _open(door)
    sys.exit(code)


def _door(config: str | None, identity: Path | None) -> Door:
    from ert_deploy.cli.view.progress import make_view
    from ert_deploy.wiring import assemble, settings_for, shell_door

    if not settings_for(config).desired.launch.debug_ssh:
        raise UsageError("debug_ssh is off in the config", hint="set launch/debug_ssh: true; the instance is replaced")
    with make_view() as view:
        house = assemble(config, view, start_sandbox=False, web=False)
        return shell_door(house, _chosen(house), identity)


def _chosen(house: House) -> Instance:
    """The newest instance of the deployment that runs and can be reached."""
    from ert_deploy.cli.running import accessible

    deployment = house.desired.deployment
    mine = accessible(house)
    if not mine:
        raise UsageError(f"{deployment} has no instance", hint="`ert-deploy up` rents one")
    newest = max(mine, key=lambda i: (not i.halted, i.id))
    if newest.halted:
        raise UsageError(f"instance {newest.id} is asleep", hint="`ert-deploy wake` starts it")
    if newest.shell is None:
        raise UsageError(
            f"instance {newest.id} has no SSH address yet",
            hint="wait until it has booted; if it is older than launch/debug_ssh: true, `ert-deploy up` replaces it",
        )
    return newest


def _open(door: Door) -> int:
    from ert_deploy.adapters.ssh.shell import interact

    return interact(door)


def _run(door: Door, line: str, *, as_json: bool) -> int:
    from ert_deploy.adapters.ssh.shell import execute

    if as_json:
        out, err = bytearray(), bytearray()
        code = execute(door, line, out.extend, err.extend)
        said = {"stdout": out.decode(errors="replace"), "stderr": err.decode(errors="replace")}
        emit_json({"instance": door.instance, "exit_code": code, **said})
        return code
    streams = [_Stream(stream.buffer, _obeys(stream)) for stream in (sys.stdout, sys.stderr)]
    try:
        return execute(door, line, streams[0].write, streams[1].write)
    finally:
        for stream in streams:
            stream.end()


def _obeys(stream: TextIO) -> bool:
    """Whether what is at the end of it takes orders from what it is shown: a terminal, or the runner of a job."""
    return stream.isatty() or "GITHUB_ACTIONS" in os.environ


class _Stream:
    """Passes bytes on; to what takes orders whole lines only, without secrets and without any order."""

    def __init__(self, target: IO[bytes], obeys: bool) -> None:
        self._target = target
        self._obeys = obeys
        self._rest = b""

    def write(self, data: bytes) -> None:
        """More of the stream."""
        if not self._obeys:
            self._put(data)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > LONGEST:
            self.end()

    def end(self) -> None:
        """A last line that has no end."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""

    def _line(self, line: bytes) -> None:
        text = safe(line.decode(errors="replace").removesuffix("\r"))
        self._put(text[:LONGEST].encode() + b"\n")

    def _put(self, data: bytes) -> None:
        self._target.write(data)
        self._target.flush()
