"""A finished report as one Markdown document for download. The model's words are passed on as text, never as HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ert_dashboard.base.clock import iso
from ert_dashboard.storage.job import Job

DISCLAIMER = "Written by a language model from the figures named above. It may be wrong and is not investment advice."


def section_title(name: str) -> str:
    """`risk_analysis` -> `Risk analysis`."""
    return name.replace("_", " ").strip().capitalize() or "Section"


def document(job: Job) -> str:
    """Title, where the figures come from, then one `##` heading a section, in the backend's order."""
    result = job.result or {}
    metadata = result.get("metadata")
    model = metadata.get("model") if isinstance(metadata, Mapping) else None
    head = [
        f"# {_line(job.company)} ({job.ticker})",
        "",
        f"**Data:** {_line(job.label)}  ",
        f"**Model:** {_line(str(model or 'not named'))}  ",
        f"**Finished:** {iso(job.finished) or 'unknown'}  ",
        "",
    ]
    body: list[str] = []
    for name, text in _sections(result).items():
        body += [f"## {_line(section_title(name))}", "", text.strip(), ""]
    return "\n".join([*head, *body, "---", "", f"*{DISCLAIMER}*", ""])


def word_count(sections: Mapping[str, str]) -> int:
    """Words separated by white space over all sections."""
    return sum(len(text.split()) for text in sections.values())


def _sections(result: Mapping[str, Any]) -> dict[str, str]:
    sections = result.get("sections")
    if not isinstance(sections, Mapping):
        return {}
    return {str(name): str(text) for name, text in sections.items()}


def _line(text: str) -> str:
    """A name as text: no markup, and no address that a viewer would make a link of."""
    shown = re.sub(r"[<>\[\]`|*_~{}\\]", "", " ".join(text.split()))
    return re.sub(r"://|\bwww\.|@", lambda match: " ".join(match[0]) if match[0] != "@" else " at ", shown)
