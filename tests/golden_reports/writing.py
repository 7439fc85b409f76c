"""Generates the reports of the committed requests with the real backend and a scripted engine.

Each report is generated twice: with an engine that uses ids in place of figures and adds a false number, and with a
silent one, so that code writes every sentence.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.support.backend.rig import running
from tests.support.doubles.scripted_ollama import Line, ScriptedOllama, says

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in (FOLDER / "requests").glob("*.json"))
TABLE = re.compile(r"\*\*[^*\n]+\*\*\n\n(?:\|.*\n?)+\n?")
LISTED = re.compile(r"^\[\[([\w.]+)\]\] (.+?): [^:]+$", re.MULTILINE)
TASKS = ("executive summary", "financial analysis", "investment thesis", "valuation analysis", "risk analysis")
FALSE = "Revenue came to $987.65 billion in the year."
OPENING = "The figures that were supplied say the following of this company."


def request(name: str) -> dict[str, Any]:
    """Return the committed request of that name."""
    body: dict[str, Any] = json.loads((FOLDER / "requests" / f"{name}.json").read_text(encoding="utf-8"))
    return body


def scripted(body: Line) -> Iterable[Line]:
    """Return three figures of the list, different ones for each section, and a false number."""
    prompt = body["messages"][-1]["content"]
    if "cannot be printed" in prompt:
        return says('{"sentences": []}')
    listed = LISTED.findall(prompt)
    place = next((index for index, task in enumerate(TASKS) if task in prompt.rpartition("Task: ")[2]), 0)
    chosen = listed[3 * place : 3 * place + 3] or listed[:1]
    rows = [(f"{label} stands at [[{name}]] in the figures supplied.", [name]) for name, label in chosen]
    texts = [(OPENING, []), *rows, (FALSE, [])]
    return says(json.dumps({"sentences": [{"text": t, "facts": ids, "starts": "sentence"} for t, ids in texts]}))


def silent(body: Line) -> Iterable[Line]:
    """Return an empty response."""
    return says("")


def write(names: Iterable[str]) -> dict[str, str]:
    """Return file contents by name: `NAME.md`, the report in both variants, and `NAME.json`, its metadata."""
    files: dict[str, str] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedOllama() as ollama,
        running(Path(folder), ollama.host) as backend,
        backend.client() as client,
    ):
        backend.wait_ready()
        for name in names:
            answers = [_ask(client, ollama, request(name), script) for script in (scripted, silent)]
            files[f"{name}.md"] = _document(name, answers)
            files[f"{name}.json"] = _lines(_record(answers[0])) + "\n"
    return files


def _ask(client: httpx.Client, ollama: ScriptedOllama, asked: Mapping[str, Any], script: Any) -> dict[str, Any]:
    ollama.chat = script
    # An identical request returns the existing report, so an unused field makes the two different.
    told = {
        **asked,
        "market_data": {**asked["market_data"], "note": f"{asked['market_data'].get('note')} {script.__name__}"},
    }
    answer = client.post("/generate_report", json=told)
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def _document(name: str, answers: Iterable[Mapping[str, Any]]) -> str:
    parts = [f"# {name}: the report of `requests/{name}.json`"]
    titles = (
        "With an engine that answers",
        "With an engine that says nothing: the same tables, which are left out here",
    )
    for title, answer in zip(titles, answers, strict=True):
        parts.append(f"# {title}")
        texts = {name: text if title == titles[0] else TABLE.sub("", text) for name, text in answer["sections"].items()}
        parts += [f"## {section}\n\n{text.strip()}" for section, text in texts.items()]
    return "\n\n".join(parts) + "\n"


def _record(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata about figures and sentences, without timings and token counts."""
    meta = answer["metadata"]
    grounding = {name: meta["grounding"][name] for name in ("written_by_code", "ungrounded")}
    return {"report": meta["report"], "conflicts": meta["conflicts"], "quality": meta["quality"], **grounding}


def _lines(value: Any, indent: str = "") -> str:
    """Return readable JSON: a value that fits is on one line."""
    whole = json.dumps(value, ensure_ascii=False)
    rows = isinstance(value, dict) and "fact_id" in value
    if rows or len(indent) + len(whole) <= 110 or not isinstance(value, dict | list) or not value:
        return whole
    inner = indent + " "
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + _lines(item, inner) for item in value) + f"\n{indent}]"
    pairs = (f"{inner}{json.dumps(key)}: {_lines(item, inner)}" for key, item in value.items())
    return "{\n" + ",\n".join(pairs) + f"\n{indent}}}"
