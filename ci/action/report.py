"""Action outputs: converts the output of a command to the GitHub job summary and the outputs of the step.

`report.py plan COMMAND CODE` reads a plan from stdin, `report.py outputs COMMAND CODE` the JSON of a command. Values
from providers are untrusted: they cannot end a code fence or add an output, and secrets in the environment are
redacted. The exit code of the step remains that of the command.
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

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # ert_deploy of this checkout

from ert_deploy.core import redaction
from ert_deploy.core.model.provider import provider_id
from ert_deploy.core.model.text import inert

ATTENTION = 5  # exit code when an operator has to decide
VERDICTS = ("as wanted", "degraded", "unclear")
MOST_CHARACTERS = 200_000  # GitHub limits the summary of a step to 1 MiB


def fenced(text: str) -> str:
    """Return `text` as a code block with a fence longer than all its backticks."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}\n"


def harmless(text: str, env: Mapping[str, str]) -> str:
    """Return `text` without control characters and secrets, limited to MOST_CHARACTERS."""
    redaction.HELD.hold_named(env)
    return redaction.clean(inert(text))[:MOST_CHARACTERS]


def plan_summary(command: str, code: int, text: str) -> str:
    """Return the Markdown summary of a plan with exit code `code`."""
    if code and not (code == ATTENTION and text.strip()):
        return f"### ert-deploy {command}: no plan (exit code {code})\n\nSee the log of this step.\n"
    if code:
        return f"### ert-deploy {command}: the plan, and the user has to decide\n\n{fenced(text)}"
    return f"### ert-deploy {command}: the plan\n\n{fenced(text)}"


def outputs(command: str, said: Mapping[str, Any]) -> dict[str, str]:
    """Return the outputs of the step for the JSON document of a command."""
    backends, services = said.get("backends", []), said.get("services", [])
    serving = [b for b in backends if b.get("health") == "healthy"] or backends
    changed = bool(said["steps"]) if command == "plan" else said.get("changed")
    uncertain = [*said.get("attention", []), *said.get("strays", [])]
    doubtful = {provider_id(row["instance"]) for row in uncertain}
    return {
        "backend-url": str(serving[0]["url"]) if serving else "",
        "fingerprint": str(services[0]["fingerprint"] or "") if services else "",
        "changed": "" if changed is None else str(changed).lower(),
        "attention": ",".join(sorted(doubtful, key=lambda one: (len(one), one))),
        "verdict": next((word for word in VERDICTS if word == said.get("verdict")), ""),
    }


def output_lines(values: Mapping[str, str]) -> str:
    """Format the outputs for $GITHUB_OUTPUT, each with a random delimiter."""
    blocks = []
    for name, value in values.items():
        end = f"end-{secrets.token_hex(16)}"
        blocks.append(f"{name}<<{end}\n{value}\n{end}\n")
    return "".join(blocks)


def result_summary(command: str, code: int, values: Mapping[str, str]) -> str:
    """Return the Markdown summary of a command with exit code `code`."""
    rows = "\n".join(f"{name:12} {value}" for name, value in values.items() if value)
    title = f"### ert-deploy {command}: {'done' if code == 0 else f'exit code {code}'}\n\n"
    return title + (fenced(rows) if rows else "")


def add(variable: str, text: str) -> None:
    """Append `text` to the file in the environment variable `variable`, if it is set."""
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text + "\n" if variable == "GITHUB_STEP_SUMMARY" else text)


def main(what: str, command: str, code: int) -> int:
    """Convert stdin and return 0, or 1 if a successful command printed no JSON document."""
    text = harmless(sys.stdin.buffer.read().decode(errors="replace"), os.environ)
    if what == "plan":
        add("GITHUB_STEP_SUMMARY", plan_summary(command, code, text))
        return 0
    values: dict[str, str] = {}
    try:
        values = outputs(command, json.loads(text))
    except (ValueError, LookupError, TypeError, AttributeError):
        if code == 0:
            sys.stdout.write("error: the command returned no JSON document\n")
            return 1
    add("GITHUB_OUTPUT", output_lines(values))
    add("GITHUB_STEP_SUMMARY", result_summary(command, code, values))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
