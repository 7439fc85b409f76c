"""Command output on a terminal, in a pipe and on a runner: untrusted text cannot inject control sequences."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import click
import pytest

from ert_deploy.cli.options import emit_json
from ert_deploy.cli.streams import Painted, SafeStream, guarded, say_error
from ert_deploy.core.model.text import painted
from ert_deploy.core.redaction import Redactor

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY"
ROOT = Path(__file__).resolve().parents[2]
HOSTILE = f"\x1b]0;owned\x07\x1b[2Jbad\r\n::set-output name=x::{SECRET}\n  ::error::no\n##[group]x\u202e\x9b1m"


class Terminal(io.StringIO):
    """Text stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_whatever_is_written_commands_nobody_and_holds_no_secret(held: Redactor) -> None:
    held.hold(SECRET)
    shown = io.StringIO()
    with redirect_stdout(SafeStream(shown)):
        click.echo(HOSTILE)
        for text in ("a", "::still the same line\n", "::a new one\n"):
            sys.stdout.write(text)
    assert shown.getvalue() == (
        "bad\n: :set-output name=x::***\n  : :error::no\n# #[group]x1m\na::still the same line\n: :a new one\n"
    )


def test_the_environment_s_secrets_are_known_to_every_print_and_log(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with guarded({"SOME_API_KEY": SECRET, "HTTPS_PROXY": "http://me:pr0xy-password@proxy:3128"}):
        click.echo(f"key {SECRET}")
        click.echo("proxy pr0xy-password", err=True)
        assert logging.lastResort is not None  # handles log records of libraries, as no handler is configured
        logging.lastResort.handle(logging.LogRecord("urllib3", logging.WARNING, "", 0, "retrying %s", (SECRET,), None))
        say_error(f"no {SECRET[:12]}\n{SECRET[12:]}", f"{SECRET[:9]}\n{SECRET[9:]}", "hint")
    assert (sys.stdout, sys.stderr) == before
    said = capsys.readouterr()
    assert said.out == "key ***\n"
    assert said.err == "proxy ***\nretrying ***\nerror: no ***\n  ***\nhint: hint\n"


def test_an_error_is_red_on_a_terminal_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", SafeStream(terminal))
    say_error("it is \x1b[5mbad\x1b[0m", hint="try\x07 again")
    assert terminal.getvalue() == "\x1b[31m\x1b[1merror: \x1b[0mit is bad\nhint: try again\n"
    assert sys.stderr.isatty()
    assert sys.stderr.writable()


def test_what_draws_moves_the_cursor_and_sets_no_title(held: Redactor) -> None:
    held.hold(SECRET)
    terminal = Terminal()
    Painted(terminal).write(
        f"\x1b[?25l\x1b[32mok {SECRET}\x1b[0m\r\x1b[1A\x1b[2K\x1b]0;t\x07\x1b]8;;u\x1b\\x\x1b[6n\x07"
    )
    assert terminal.getvalue() == "\x1b[?25l\x1b[32mok ***\x1b[0m\r\x1b[1A\x1b[2Kx"
    assert painted("plain\ttext\n") == "plain\ttext\n"


def test_a_document_means_the_same_and_commands_nobody(held: Redactor, capsys: pytest.CaptureFixture[str]) -> None:
    held.hold(SECRET)
    value = {"a": f"\x1b[31m{SECRET}\x9b\u202e", "b": ["##[error]x", "::x\n::y", 1, None, "ü"], SECRET: True}
    emit_json(value)
    text = capsys.readouterr().out
    expected = {"a": "\x1b[31m***\x9b\u202e", "b": ["##[error]x", "::x\n::y", 1, None, "ü"], "***": True}
    assert json.loads(text) == {"version": 1, **expected}
    assert text.replace("\n", "").isprintable()
    assert "##[" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())


def test_a_usage_error_on_a_real_terminal_is_safe(tmp_path: Path) -> None:
    """Run the program in a pseudo-terminal, with a key and control sequences in an argument."""
    master, slave = pty.openpty()
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm", "SOME_TOKEN": SECRET}
    command = [sys.executable, "-m", "ert_deploy.cli", f"{SECRET}\x1b]0;t\x07\n::error::x"]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        said = b""
        try:
            while piece := os.read(master, 4096):
                said += piece
        except OSError:  # the child closed its terminal
            pass
    os.close(master)
    assert process.returncode == 2
    text = said.decode()
    assert "\x1b[31m\x1b[1merror: \x1b[0mNo such command" in text
    assert "***" in text
    assert SECRET not in text
    assert "\x1b]" not in text
    assert "\n::error" not in text
