"""Writes what a command printed where GitHub looks for it: the job's summary, and the step's outputs.

`report.py plan COMMAND CODE` takes a plan's text on stdin, `report.py outputs COMMAND CODE` a command's JSON. Values
come from providers and are not trusted: no text can leave its code fence or become another output, and no secret of
the environment gets through. Must not decide anything: exit codes are the command's own.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the program of this very checkout

from ert_deploy.core import redaction
from ert_deploy.core.model.text import inert

ATTENTION = 5  # the exit code that says that a person has to look
MOST_CHARACTERS = 200_000  # GitHub takes a summary of 1 MiB a step


def fenced(text: str) -> str:
    """`text` as a code block that its own backticks cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}\n"


def harmless(text: str, env: Mapping[str, str]) -> str:
    """`text` without control characters, and without a secret, should one ever get there."""
    redaction.HELD.hold_named(env)
    return redaction.clean(inert(text))[:MOST_CHARACTERS]


def plan_summary(command: str, code: int, text: str) -> str:
    """The summary's Markdown for a plan that ended with `code`."""
    if code and not (code == ATTENTION and text.strip()):
        return f"### ert-deploy {command}: no plan (exit code {code})\n\nThe log of this step says why.\n"
    if code:
        return f"### ert-deploy {command}: the plan, and a person has to decide\n\n{fenced(text)}"
    return f"### ert-deploy {command}: the plan\n\n{fenced(text)}"


def outputs(command: str, said: Mapping[str, Any]) -> dict[str, str]:
    """The step's outputs from a command's JSON document."""
    backends, services = said.get("backends", []), said.get("services", [])
    serving = [b for b in backends if b.get("health") == "healthy"] or backends
    changed = bool(said["steps"]) if command == "plan" else said.get("changed")
    uncertain = [*said.get("attention", []), *said.get("strays", [])]
    return {
        "backend-url": str(serving[0]["url"]) if serving else "",
        "fingerprint": str(services[0]["fingerprint"] or "") if services else "",
        "changed": "" if changed is None else str(changed).lower(),
        "attention": ",".join(sorted({str(int(row["instance"])) for row in uncertain}, key=int)),
    }


def output_lines(values: Mapping[str, str]) -> str:
    """The text for $GITHUB_OUTPUT. Each value stands between two lines that nobody can foresee."""
    blocks = []
    for name, value in values.items():
        end = f"end-{secrets.token_hex(16)}"
        blocks.append(f"{name}<<{end}\n{value}\n{end}\n")
    return "".join(blocks)


def result_summary(command: str, code: int, values: Mapping[str, str]) -> str:
    """The summary's Markdown for a command that ended with `code`."""
    rows = "\n".join(f"{name:12} {value}" for name, value in values.items() if value)
    title = f"### ert-deploy {command}: {'done' if code == 0 else f'exit code {code}'}\n\n"
    return title + (fenced(rows) if rows else "")


def add(variable: str, text: str) -> None:
    """Append to the file that `variable` names, if the runner gave one."""
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text + "\n" if variable == "GITHUB_STEP_SUMMARY" else text)


def main(what: str, command: str, code: int) -> int:
    """Report stdin. 1 when it is not what the command prints."""
    text = harmless(sys.stdin.buffer.read().decode(errors="replace"), os.environ)
    if what == "plan":
        add("GITHUB_STEP_SUMMARY", plan_summary(command, code, text))
        return 0
    values: dict[str, str] = {}
    try:
        values = outputs(command, json.loads(text))
    except (ValueError, LookupError, TypeError, AttributeError):
        if code == 0:
            sys.stdout.write("error: the command printed no JSON document\n")
            return 1
    add("GITHUB_OUTPUT", output_lines(values))
    add("GITHUB_STEP_SUMMARY", result_summary(command, code, values))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
