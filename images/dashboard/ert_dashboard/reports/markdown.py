"""Markdown export of a finished job. Model output is included as text, never as HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ert_dashboard.base.clock import iso_if_known
from ert_dashboard.storage.job import Job

DISCLAIMER = "Written by a language model from the figures named above. It may be wrong and is not investment advice."


def section_title(name: str) -> str:
    """Convert a section name to a title: `risk_analysis` to `Risk analysis`."""
    return name.replace("_", " ").strip().capitalize() or "Section"


def document(job: Job) -> str:
    """Build the document: title, data source, then one `##` heading per section, in the order of the backend."""
    result = job.result or {}
    metadata = result.get("metadata")
    model = metadata.get("model") if isinstance(metadata, Mapping) else None
    head = [
        f"# {_line(job.company)} ({job.ticker})",
        "",
        f"**Data:** {_line(job.label)}  ",
        f"**Model:** {_line(str(model or 'not named'))}  ",
        f"**Finished:** {iso_if_known(job.finished) or 'unknown'}  ",
        "",
    ]
    body: list[str] = []
    for name, text in _sections(result).items():
        body += [f"## {_line(section_title(name))}", "", text.strip(), ""]
    return "\n".join([*head, *body, "---", "", f"*{DISCLAIMER}*", ""])


def word_count(sections: Mapping[str, str]) -> int:
    """Return the word count of all sections, split at whitespace."""
    return sum(len(text.split()) for text in sections.values())


def _sections(result: Mapping[str, Any]) -> dict[str, str]:
    sections = result.get("sections")
    if not isinstance(sections, Mapping):
        return {}
    return {str(name): str(text) for name, text in sections.items()}


def _line(text: str) -> str:
    """Strip markup from a name, and break URLs and email addresses that a viewer would turn into links."""
    shown = re.sub(r"[<>\[\]`|*_~{}\\]", "", " ".join(text.split()))
    return re.sub(r"://|\bwww\.|@", lambda match: " ".join(match[0]) if match[0] != "@" else " at ", shown)
