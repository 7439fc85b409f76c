"""Lets the small real model write about the bundled companies and stores its sentences: `corpus_model.jsonl`.

The sandbox's Ollama runs SmolLM2-135M-Instruct on llama.cpp, with the prompts of the backend (schema enabled) and with
a prompt for figures written in full, so that the output contains numbers in the model's own formats.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from benchmarks.grounding.companies import TICKERS, Subject, subject
from ert_backend.grounding.facts import Unit
from ert_backend.reports.display import show
from ert_backend.reports.draft import FORM, schema, units
from ert_backend.reports.prompts import messages
from ert_backend.reports.report import brief_of
from ert_backend.reports.sections import SECTIONS
from ert_deploy.sandbox.ollama.weights import SHA256, SMOLLM2, default_cache, ensure_model

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
SEEDS = (1, 2, 3)
GROUPS = 4


def main() -> int:
    """Write the corpus; the model is downloaded if it is not in the cache."""
    model = ensure_model(default_cache())
    if model.is_toy:
        print("the real model cannot be had here: the corpus stays as it is")
        return 1
    with tempfile.TemporaryDirectory() as disk, (FOLDER / "corpus_model.jsonl").open("w", encoding="utf-8") as out:
        head = {"model": SMOLLM2, "name": "SmolLM2-135M-Instruct.Q4_1 (Apache-2.0)", "sha256": SHA256, "seeds": SEEDS}
        out.write(json.dumps(head) + "\n")
        process, url = _serve(model.path.parent, Path(disk))
        try:
            with httpx.Client(base_url=url, timeout=600) as client:
                client.post("/api/pull", json={"model": SMOLLM2, "stream": False}).raise_for_status()
                for row in _rows(client):
                    out.write(json.dumps(row, ensure_ascii=False) + "\n")
                    out.flush()
        finally:
            process.terminate()
            process.communicate()
    return 0


def _serve(registry: Path, disk: Path) -> tuple[subprocess.Popen[str], str]:
    env = {**os.environ, "OLLAMA_HOST": "127.0.0.1:0", "OLLAMA_MODELS": str(disk), "OLLAMA_CONTEXT_LENGTH": "4096"}
    env |= {"ERT_SANDBOX_MODELS": str(registry), "ERT_SANDBOX_PULL_MBPS": "2000"}
    argv = [sys.executable, "-m", "ert_deploy.sandbox.ollama"]
    process = subprocess.Popen(argv, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    return process, "http://" + process.stderr.readline().split()[2]


def _rows(client: httpx.Client) -> Iterator[dict[str, Any]]:
    for ticker in TICKERS:
        about = subject(ticker)
        yield from _paraphrases(client, about)
        yield from _sections(client, about)


def _sections(client: httpx.Client, about: Subject) -> Iterator[dict[str, Any]]:
    """Request the sections like the backend: with placeholders, restricted by the schema."""
    brief = brief_of(about.request, about.facts)
    form = schema(name for name, fact in about.facts.items() if fact.number is not None)
    for section in SECTIONS:
        asked = messages(brief, section.task + FORM, 1200)
        text = _chat(client, [{"role": m.role, "content": m.content} for m in asked], 1, form)
        for unit in units(text, complete=False):
            yield {"ticker": about.ticker, "prompt": section.name, "text": unit.text}


def _paraphrases(client: httpx.Client, about: Subject) -> Iterator[dict[str, Any]]:
    """Request sentences with the figures in full, a few at a time."""
    figures = [fact for fact in about.facts.values() if fact.number is not None and fact.unit is not Unit.NUMBER]
    for seed in SEEDS:
        for start in range(0, len(figures), GROUPS):
            group = figures[start : start + GROUPS]
            listed = "\n".join(f"- {fact.label}: {show(fact)}" for fact in group)
            task = f"Write one short sentence about each of these figures. Use each number as it is.\n{listed}"
            turns = [
                {"role": "user", "content": "Write one short sentence about this figure.\n- Total assets: $12.50B"},
                {"role": "assistant", "content": "The company has total assets of $12.50 billion."},
                {"role": "user", "content": task},
            ]
            for unit in units(_chat(client, turns, seed, None), complete=False):
                yield {"ticker": about.ticker, "prompt": "figures", "seed": seed, "text": unit.text}


def _chat(client: httpx.Client, turns: list[dict[str, str]], seed: int, form: dict[str, object] | None) -> str:
    options = {"num_ctx": 4096, "num_predict": 320 if form else 160, "temperature": 0.25, "seed": seed}
    body = {"model": SMOLLM2, "messages": turns, "stream": False, "options": options}
    answer = client.post("/api/chat", json=body | ({"format": form} if form else {}))
    answer.raise_for_status()
    return str(answer.json()["message"]["content"])


if __name__ == "__main__":
    sys.exit(main())
