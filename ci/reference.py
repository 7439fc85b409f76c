"""Reference pages: writes the generated half of commands, config, exit-codes, metrics, modules and sandbox in docs/.

Run by `make reference`. The text above the marker line of a page is maintained manually; everything below it is
replaced. `tests/docs/test_reference.py` checks the pages against the code.
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
from ert_deploy.cli.examples import EXAMPLES
from ert_deploy.config.scaffold.samples import key_comments
from ert_deploy.config.schema.keys import keys
from ert_deploy.config.schema.parts import Field, Many
from ert_deploy.core.model import errors
from ert_deploy.sandbox.world.kinds import kinds

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
MODULES = (
    "ert_deploy",
    "images/llm-backend/ert_backend",
    "images/dashboard/ert_dashboard",
    "tests/simulation",
    "tests/kills",
)
MARKER = "<!-- Below: written by `make reference` from the code. Above: by hand. -->"


def commands() -> str:
    """Return every command of the command line with its options, as defined in click."""
    return "\n".join(line for path, command in every_command() for line in _command(path, command))


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Yield each command with its full name; a group is replaced by its subcommands.

    One that does something without a subcommand is there too.
    """
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, name
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield name, command
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
    if shown := EXAMPLES.get(path):
        yield from ("```", *shown, "```", "")


def _option(option: click.Option, context: click.Context) -> str:
    names, about = option.get_help_record(context) or (" ".join(option.opts), option.help or "")
    return f"| `{names}` | {about} |".replace("NAME|PATH", "NAME\\|PATH")


def config() -> str:
    """Return every key of a config by section: its default, and its comment in the commented sample configs."""
    told = {path: (said.text.replace("|", "\\|"), said.note) for path, said in key_comments().items()}
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


def exit_codes() -> str:
    """Return the exit codes of the errors, and those of the command line itself."""
    lines = ["### By the error", "", "| code | error | when |", "|---|---|---|"]
    for kind in _errors():
        about = (inspect.getdoc(kind) or "").splitlines()[0]
        lines.append(f"| {kind.exit_code} | `{kind.__name__}` | {about} |")
    lines += ["", "### By the command line itself", "", "| code | where |", "|---|---|"]
    lines += [f"| {code} | `{path}` |" for code, path in literal_codes()]
    return "\n".join(lines)


def _errors() -> Iterator[type[errors.ErtError]]:
    """Yield the errors shown to users; an `Outcome` is used by the engine and has the base's code."""
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.ErtError) and not issubclass(kind, errors.Outcome):
            yield kind


def literal_codes() -> list[tuple[int, str]]:
    """Return the exit codes that are numbers in the code of the command line, with their module."""
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
    """Map the constants of a module to their values."""
    given = (node for node in tree.body if isinstance(node, ast.Assign))
    return {ast.unparse(node.targets[0]): node.value for node in given}


def metrics() -> str:
    """Return the metrics in `/metrics` of the dashboard, of the backend and of the agent."""
    from ert_dashboard.web.metrics import FAMILIES
    from ert_deploy.agent.metrics import FAMILIES as OF_THE_AGENT

    head = ["", "| name | kind | labels | description |", "|---|---|---|---|"]
    lines = ["### The dashboard's `/metrics`", *head]
    for one in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in one.labels) or "none"
        lines.append(f"| `{one.name}` | {one.kind} | {labels} | {one.text} |")
    lines += ["", "### The backend's `/metrics`", *head]
    lines += [f"| `{name}` | {kind} | {labels or 'none'} | {text} |" for name, kind, labels, text in instruments()]
    lines += ["", "### The agent's `/metrics`", "", "| name | kind | labels | description |", "|---|---|---|---|"]
    for family in OF_THE_AGENT:
        labels = ", ".join(f"`{label}`" for label in ("deployment", *family.labels))
        shown = f"{family.name}_total" if family.kind == "counter" else family.name
        lines.append(f"| `{shown}` | {family.kind} | {labels} | {family.text} |")
    return "\n".join(lines)


def instruments() -> Iterator[tuple[str, str, str, str]]:
    """Yield each instrument of the backend: name in Prometheus, kind, labels, text."""
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
    """Return the labels of one instrument, which its registry exposes only after the first observation."""
    from ert_backend.base.metrics import Metrics

    made = vars(Metrics()).values()
    return next((tuple(one._labelnames) for one in made if getattr(one, "_name", None) == name), ())


def troubles() -> str:
    """Return every kind of fault that `ert-deploy sandbox break` knows, from the tables of the two doubles."""
    lines = ["### Kinds of trouble", "", "| kind | off | fields (default) | what happens |", "|---|---|---|---|"]
    for one in kinds():
        lines.append(f"| `{one.name}` | {'`--off`' if one.lasts else 'over at once'} | {one.fields} | {one.effect} |")
    return "\n".join(lines)


def modules() -> str:
    """Return every module of the product and its simulator by package, each with the first line of its docstring."""
    lines: list[str] = []
    for folder in sorted({path.parent for path in _sources()}):
        rows = [f"| `{_name(path)}` | {_subject(path)} |" for path in _sources() if path.parent == folder]
        lines += [f"### {_name(folder)}", "", "| module | subject |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _sources() -> list[Path]:
    paths = (path for folder in MODULES for path in sorted((ROOT / folder).rglob("*.py")))
    return [path for path in paths if path.name != "__init__.py" and "node_modules" not in path.parts]


def _subject(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].replace("|", "\\|")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands,
    "config.md": config,
    "exit-codes.md": exit_codes,
    "metrics.md": metrics,
    "modules.md": modules,
    "sandbox.md": troubles,
}


def page(name: str) -> str:
    """Return the whole page: the manual part, the marker, and the generated part. Raise ValueError without a marker."""
    text = (DOCS / name).read_text(encoding="utf-8")
    if text.count(MARKER) != 1:
        raise ValueError(f"docs/{name} needs the marker line once: {MARKER}")
    return f"{text.partition(MARKER)[0]}{MARKER}\n\n{PAGES[name]().rstrip()}\n"


def main() -> int:
    """Write the pages; return the exit code."""
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
