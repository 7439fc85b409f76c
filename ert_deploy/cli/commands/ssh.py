"""`ert-deploy ssh`: run a command or a shell on the GPU machine. Makes no changes itself."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import IO, TextIO

import click

from ert_deploy.app import ssh as app
from ert_deploy.app.ssh import Shell
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option, replica_option
from ert_deploy.cli.streams import safe
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.errors import UsageError

LONGEST = 65536  # maximum number of bytes of an unterminated line


@click.command("ssh")
@config_option
@json_option
@click.option(
    "--identity",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    help="File of the private key; default: the keys of your SSH agent.",
)
@replica_option
@click.argument("words", metavar="[-- COMMAND...]", nargs=-1)
def command(
    config: str | None, as_json: bool, identity: Path | None, replica: int | None, words: tuple[str, ...]
) -> None:
    """Run COMMAND on the GPU machine, or open a shell there.

    The config must contain `debug_ssh: true` under `launch`. A single argument is a command line for the shell; several
    are quoted individually. COMMAND has no input, and the exit code is returned.
    """
    if not words and (as_json or not sys.stdin.isatty()):
        raise UsageError("there is no COMMAND, and no terminal for a shell", hint="`ert-deploy ssh -- COMMAND...`")
    with interruptible():
        with make_view() as view:
            shell = app.shell(config, identity=identity, replica=replica, progress=view)
        line = words[0] if len(words) == 1 else shlex.join(words)
        code = _run(shell, line, as_json=as_json) if words else shell.interact()
    sys.exit(code)


@click.command("exec")
@config_option
@json_option
@click.option(
    "--identity",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    help="File of the private key; default: the keys of your SSH agent.",
)
@replica_option
@click.argument("words", metavar="-- COMMAND...", nargs=-1, required=True)
def execute(
    config: str | None, as_json: bool, identity: Path | None, replica: int | None, words: tuple[str, ...]
) -> None:
    """Run COMMAND on the GPU machine and return its exit code; `ssh` without a shell."""
    with interruptible():
        with make_view() as view:
            shell = app.shell(config, identity=identity, replica=replica, progress=view, command="exec")
        code = _run(shell, words[0] if len(words) == 1 else shlex.join(words), as_json=as_json)
    sys.exit(code)


def _run(shell: Shell, line: str, *, as_json: bool) -> int:
    if as_json:
        out, err = bytearray(), bytearray()
        code = shell.execute(line, out.extend, err.extend)
        said = {"stdout": out.decode(errors="replace"), "stderr": err.decode(errors="replace")}
        emit_json({"instance": shell.instance, "exit_code": code, **said})
        return code
    streams = [_Stream(stream.buffer, _obeys(stream)) for stream in (sys.stdout, sys.stderr)]
    try:
        return shell.execute(line, streams[0].write, streams[1].write)
    finally:
        for stream in streams:
            stream.end()


def _obeys(stream: TextIO) -> bool:
    """Whether control characters or commands in the stream have an effect: a terminal, or the runner of a job."""
    return stream.isatty() or "GITHUB_ACTIONS" in os.environ


class _Stream:
    """Output stream; for a terminal or runner, only sanitized whole lines are written."""

    def __init__(self, target: IO[bytes], obeys: bool) -> None:
        self._target = target
        self._obeys = obeys
        self._rest = b""

    def write(self, data: bytes) -> None:
        """Write more bytes of the stream."""
        if not self._obeys:
            self._put(data)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > LONGEST:
            self.end()

    def end(self) -> None:
        """Write a last line without line break."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""

    def _line(self, line: bytes) -> None:
        text = safe(line.decode(errors="replace").removesuffix("\r"))
        self._put(text[:LONGEST].encode() + b"\n")

    def _put(self, data: bytes) -> None:
        self._target.write(data)
        self._target.flush()
