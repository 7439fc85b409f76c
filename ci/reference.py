"""Reference pages: writes the generated half of docs/commands.md, config.md, exit-codes.md and metrics.md.

Run by `make reference`. What stands above the marker line of a page is written by hand and stays; everything below it
is replaced. `tests/docs/test_reference.py` compares the pages with the code.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

from ert_deploy.cli import COMMANDS, cli
from ert_deploy.config.schema.keys import Field, Many, keys
from ert_deploy.core.model import errors

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
MARKER = "<!-- Below: written by `make reference` from the code. Above: by hand. -->"
KEY = re.compile(r"(?P<indent> *(?:- )?)(?P<name>[a-z_]+):(?P<rest>.*)")


def commands() -> str:
    """Every command of the command line with its options, as click knows them."""
    return "\n".join(line for path, command in every_command() for line in _command(path, command))


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Each command that does something, with its full name; a group is its commands."""
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, name
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", command.commands[inner]) for inner in command.commands)
        else:
            yield name, command


def _command(path: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=f"ert-deploy {path}")
    usage = " ".join(command.collect_usage_pieces(context))
    yield from (f"### ert-deploy {path}", "", f"`ert-deploy {path} {usage}`", "")
    yield from (inspect.cleandoc(command.help or ""), "")
    options = [option for option in command.params if isinstance(option, click.Option)]
    if options:
        yield from ("| option | description |", "|---|---|")
        yield from (_option(option, context) for option in options)
        yield ""


def _option(option: click.Option, context: click.Context) -> str:
    names, about = option.get_help_record(context) or (" ".join(option.opts), option.help or "")
    return f"| `{names}` | {about} |".replace("NAME|PATH", "NAME\\|PATH")


def config() -> str:
    """Every key of a config by section: default, and what the commented samples say about it."""
    sandbox = {path: said for path, said in comments("sandbox.yaml").items() if path.startswith("sandbox/")}
    told = comments("ert.yaml") | sandbox
    lines: list[str] = []
    section = ""
    for path, part in keys():
        if not isinstance(part, Field | Many):
            lines += ["", f"### {path}", "", told[path][0], *_HEAD]
            section = path
            continue
        if not section and not lines:
            lines += ["### At the top", *_HEAD]
        if section and "/" not in path:
            lines += ["", "### At the top, after the sections", *_HEAD]
            section = ""
        text, note = told[path]
        lines.append(f"| `{path}` | {note if note == 'required' else f'`{note}`'} | {text} |")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines).lstrip("\n"))


_HEAD = ("", "| key | default | description |", "|---|---|---|")


def comments(sample: str) -> dict[str, tuple[str, str]]:
    """Of each key of a sample config by its path: the comment above, in one line, and its default as it is written.

    A row of a list is `*`. A test compares the defaults of the samples with those of the code.
    """
    found: dict[str, tuple[str, str]] = {}
    stack: list[tuple[int, str]] = []
    above: list[str] = []
    for line in (ROOT / "configs" / sample).read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text.startswith("#"):
            above = [] if set(text) <= set("# -") else [*above, text.removeprefix("#").strip()]
        elif key := KEY.match(line):
            indent = len(key["indent"])
            while stack and stack[-1][0] >= indent:
                stack.pop()
            if "- " in key["indent"]:
                stack.append((indent - 1, "*"))
            stack.append((indent, key["name"]))
            note = key["rest"].partition("  # ")[2].strip().removeprefix("default ")
            found["/".join(name for _, name in stack)] = " ".join(above).replace("|", "\\|"), note
            above = []
        else:
            above = []
    return found


def exit_codes() -> str:
    """The codes that the program can end with: those of its errors, and those that the command line gives itself."""
    lines = ["### By the error", "", "| code | error | when |", "|---|---|---|"]
    for kind in _errors():
        about = (inspect.getdoc(kind) or "").splitlines()[0]
        lines.append(f"| {kind.exit_code} | `{kind.__name__}` | {about} |")
    lines += ["", "### By the command line itself", "", "| code | where |", "|---|---|"]
    lines += [f"| {code} | `{path}` |" for code, path in literal_codes()]
    return "\n".join(lines)


def _errors() -> Iterator[type[errors.ErtError]]:
    """The errors that a person is shown; an `Outcome` is for the engine, and ends with the base's code."""
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.ErtError) and not issubclass(kind, errors.Outcome):
            yield kind


def literal_codes() -> list[tuple[int, str]]:
    """Exit codes that are numbers in the code of the command line, with their module."""
    found: set[tuple[int, str]] = set()
    for path in sorted((ROOT / "ert_deploy" / "cli").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = _numbers(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sys.exit", "click.exceptions.Exit"):
                values = [named.get(ast.unparse(argument), argument) for argument in node.args]
                found |= {
                    (v.value, _name(path)) for v in values if isinstance(v, ast.Constant) and type(v.value) is int
                }
    return sorted(found)


def _numbers(tree: ast.Module) -> Mapping[str, ast.expr]:
    """What a module's capitals stand for."""
    given = (node for node in tree.body if isinstance(node, ast.Assign))
    return {ast.unparse(node.targets[0]): node.value for node in given}


def metrics() -> str:
    """What `/metrics` of the backend shows, and that the dashboard has none."""
    lines = ["### The backend's `/metrics`", "", "| name | kind | labels | description |", "|---|---|---|---|"]
    lines += [f"| `{name}` | {kind} | {labels or 'none'} | {text} |" for name, kind, labels, text in instruments()]
    return "\n".join(lines)


def instruments() -> Iterator[tuple[str, str, str, str]]:
    """Each instrument of the backend: name as Prometheus shows it, kind, labels, text."""
    from ert_backend.base.metrics import Metrics

    for family in Metrics().registry.collect():
        shown = f"{family.name}_total" if family.type == "counter" else family.name
        yield shown, family.type, ", ".join(f"`{label}`" for label in _labels(family.name)), family.documentation
    service = ROOT / "images" / "llm-backend" / "ert_backend" / "service.py"
    for node in ast.walk(ast.parse(service.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "watch":
            name, text = (ast.literal_eval(argument) for argument in node.args[:2])
            yield name, "gauge", "", text


def _labels(name: str) -> tuple[str, ...]:
    """The labels of one instrument, which its registry only shows once it has counted something."""
    from ert_backend.base.metrics import Metrics

    made = vars(Metrics()).values()
    return next((tuple(one._labelnames) for one in made if getattr(one, "_name", None) == name), ())


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands,
    "config.md": config,
    "exit-codes.md": exit_codes,
    "metrics.md": metrics,
}


def page(name: str) -> str:
    """The whole page: what is written by hand, the marker, and what the code says. ValueError without a marker."""
    text = (DOCS / name).read_text(encoding="utf-8")
    if text.count(MARKER) != 1:
        raise ValueError(f"docs/{name} needs the marker line once: {MARKER}")
    return f"{text.partition(MARKER)[0]}{MARKER}\n\n{PAGES[name]().rstrip()}\n"


def main() -> int:
    """Write the pages; an exit code."""
    try:
        pages = {name: page(name) for name in PAGES}
    except ValueError as wrong:
        sys.stderr.write(f"error: {wrong}\n")
        return 1
    for name, text in pages.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
