"""Has the real backend write the reports of the committed requests with a scripted engine, and puts them into files.

Each report is written twice: with an engine that puts ids where figures belong and slips in a false number, and with
one that says nothing, so that code writes every sentence.
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
    """The committed request of that name."""
    body: dict[str, Any] = json.loads((FOLDER / "requests" / f"{name}.json").read_text(encoding="utf-8"))
    return body


def scripted(body: Line) -> Iterable[Line]:
    """Three figures of the list, others for each section, and a number that is false."""
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
    """Nothing that can be printed."""
    return says("")


def write(names: Iterable[str]) -> dict[str, str]:
    """The files' contents by name: `NAME.md`, the report in both ways, and `NAME.json`, what it says of itself."""
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
    # An equal request is answered with the report that is there, so that the two differ in a field nobody reads.
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
    """What the metadata say of figures and sentences: nothing of times and tokens."""
    meta = answer["metadata"]
    grounding = {name: meta["grounding"][name] for name in ("written_by_code", "ungrounded")}
    return {"report": meta["report"], "conflicts": meta["conflicts"], "quality": meta["quality"], **grounding}


def _lines(value: Any, indent: str = "") -> str:
    """JSON that a reader can follow: what fits stands on one line."""
    whole = json.dumps(value, ensure_ascii=False)
    rows = isinstance(value, dict) and "fact_id" in value
    if rows or len(indent) + len(whole) <= 110 or not isinstance(value, dict | list) or not value:
        return whole
    inner = indent + " "
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + _lines(item, inner) for item in value) + f"\n{indent}]"
    pairs = (f"{inner}{json.dumps(key)}: {_lines(item, inner)}" for key, item in value.items())
    return "{\n" + ",\n".join(pairs) + f"\n{indent}}}"
