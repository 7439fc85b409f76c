"""Help: every screen has an example that is accepted, fits 80 columns, and those without an account run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ert_deploy.cli import cli, main
from ert_deploy.cli.examples import EXAMPLES, epilog
from ert_deploy.cli.verbs import INSTEAD, PERHAPS

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "ert-deploy "


def every(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield `ert-deploy`, each group and each command, with the full name."""
    yield before, group
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            path = f"{before} {name}".strip()
            if isinstance(command, click.Group):
                yield from every(command, path)
            else:
                yield path, command


ALL = dict(every(cli))
LINES = [(path, line) for path, lines in EXAMPLES.items() for line in lines]


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    return int(ended.value.code or 0)


def words(line: str) -> list[str]:
    """Return the arguments of the program in an example, also in one that is a line of a shell around it."""
    inner = line.partition("$(")[2].rpartition(")")[0] or line
    assert inner.startswith(PROGRAM), line
    return shlex.split(inner)[1:]


def test_every_help_has_an_example_and_no_example_is_for_nothing() -> None:
    assert set(EXAMPLES) == set(ALL)
    assert all(EXAMPLES.values())


@pytest.mark.parametrize("width", ["80", "120", "200"])
@pytest.mark.parametrize("path", sorted(ALL))
def test_a_help_shows_its_examples_and_fits_the_terminal(
    path: str, width: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    assert run(*path.split(), "--help") == 0
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= 80
    assert [line.strip() for line in shown if line.startswith(f"    {PROGRAM}")] == [
        line for line in EXAMPLES[path] if line.startswith(PROGRAM)
    ]


@pytest.mark.parametrize(("path", "line"), LINES)
def test_an_example_is_of_its_command_and_the_program_accepts_it(path: str, line: str) -> None:
    """Everything but the call: names, options, types and numbers of arguments."""
    context, rest, name = click.Context(cli, info_name="ert-deploy"), words(line), ""
    command: click.Command = cli
    while isinstance(command, click.Group) and not (command.invoke_without_command and rest[0].startswith("-")):
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        name, command = f"{name} {found.name}".strip(), found
    assert not path or name == path or name.startswith(f"{path} "), "it shows another command"
    command.make_context(name, list(rest), parent=context)


def test_an_example_with_an_unknown_option_would_be_noticed() -> None:
    command = ALL["status"]
    with pytest.raises(click.UsageError):
        command.make_context("status", ["--colour"])
    assert epilog("nothing") is None


@pytest.mark.parametrize("verb", INSTEAD)
def test_a_verb_of_another_tool_is_answered_with_a_command_that_exists(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert INSTEAD[verb] in ALL or INSTEAD[verb] in ("--version", "--help")
    assert verb not in ALL
    assert run(verb, "--whatever") == 2
    assert f"No such command {verb!r}. Did you mean {INSTEAD[verb]!r}?" in capsys.readouterr().err


@pytest.mark.parametrize("name", PERHAPS)
def test_a_command_with_too_little_says_what_was_probably_meant(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*(("report", name) if name.startswith("--") else (name,))) == 2
    assert f"hint: {PERHAPS[name]}" in capsys.readouterr().err


def test_a_real_verb_without_a_likeness_gets_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("frobnicate") == 2
    assert "hint: `ert-deploy --help` lists all" in capsys.readouterr().err


def test_help_costs_a_fraction_of_what_vast_s_own_command_line_takes(tmp_path: Path) -> None:
    """Three pairs only; `make bench-cli` has fifteen, and `status` and `plan` too."""
    from benchmarks.cli import measured

    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    env["PYTHONPYCACHEPREFIX"] = str(tmp_path / "bytecode")
    assert measured("--help", tmp_path, env, 3)[2] <= 0.15
