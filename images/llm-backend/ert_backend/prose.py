"""From what a model wrote to what may be printed: cleaned, figures put in, numbers checked. Pure.

The model is asked to write `[[fact_id]]` where a figure belongs. A sentence that names an unknown fact or holds a
number that does not stand is dropped and recorded; the rest is kept as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ert_backend.display import show
from ert_backend.facts import Fact
from ert_backend.grounding import Claim, Evidence, check

# A small model loses one of the two brackets now and then.
PLACEHOLDER = re.compile(r"\[\[\s*([^\[\]]{1,120}?)\s*\]\]|\[([A-Za-z][\w.]{1,120})\]")
FENCED = re.compile(r"<{2,}.*?>{2,}", re.DOTALL)
THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
CONTROL = re.compile(r"<\|[^|>]{0,60}\|>|\[/?INST\]|</?s>|</?think>", re.IGNORECASE)
TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)\s+(?=[A-Z\[\"'“(*$])")
BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
MIN_WORDS = 4


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence that was taken out: the first bad number or the unknown id, and the nearest fact."""

    text: str
    reason: str
    value: float | None
    nearest: str | None


@dataclass(frozen=True, slots=True)
class Prose:
    """What may be printed, the claims that stand in it, and what was taken out."""

    text: str
    claims: tuple[Claim, ...]
    dropped: tuple[Dropped, ...]


def defuse(text: str) -> str:
    """Untrusted text made harmless for a prompt: no control tokens, no placeholders, no fences, one line."""
    broken = CONTROL.sub(" ", text).replace("<|", "< |").replace("|>", "| >")
    return " ".join(broken.replace("[[", "[").replace("]]", "]").replace("```", " ").replace("\x00", " ").split())


def clean(text: str, complete: bool) -> str:
    """Model text without thinking, control tokens, HTML, headings and fences; an unfinished last sentence is cut."""
    text = FENCED.sub("", CONTROL.sub("", THINKING.sub("", text)))
    text = re.sub(r"<{2,}|>{2,}", "", text)
    text = re.sub(r"^\s*```\w*\s*$|^\s*#{1,6}\s.*$|^\s*[-=_*]{3,}\s*$", "", TAG.sub("", text), flags=re.MULTILINE)
    if not complete:
        ends = [match.end() for match in re.finditer(r"[.!?][\"')\]]*(?=\s|$)", text)]
        text = text[: ends[-1]] if ends else ""
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def settle(text: str, facts: Mapping[str, Fact], known: Evidence, told: str = "") -> Prose:
    """Clean text with its figures put in and every sentence that does not stand taken out.

    Repeats go too, and what was copied from `told`, the instructions.
    """
    instructions = _key(told)
    ids = {name.lower(): fact for name, fact in facts.items()}
    seen: set[str] = set()
    claims: list[Claim] = []
    dropped: list[Dropped] = []
    lines = []
    for line in text.split("\n"):
        bullet = BULLET.match(line)
        kept = []
        for sentence in SENTENCE_END.split(line[bullet.end() :] if bullet else line):
            verdict = _sentence(sentence.strip(), ids, known)
            if isinstance(verdict, Dropped):
                dropped.append(verdict)
            elif _is_new(verdict[0], seen, instructions):
                kept.append(verdict[0])
                claims.extend(verdict[1])
        lines.append(("- " if bullet and kept else "") + " ".join(kept))
    return Prose(_tidy(lines), tuple(claims), tuple(dropped))


def _sentence(sentence: str, ids: Mapping[str, Fact], known: Evidence) -> tuple[str, list[Claim]] | Dropped:
    names = [_name(match) for match in PLACEHOLDER.finditer(sentence)]
    if any(name not in ids for name in names):
        return Dropped(sentence[:200], "unknown placeholder", None, None)
    # A model that doubles the sign or the unit around a placeholder means one of them.
    text = PLACEHOLDER.sub(lambda match: show(ids[_name(match)]), sentence)
    text = re.sub(r"([$€£¥%])\1+", r"\1", text)
    claims = check(text, known)
    fallen = next((claim for claim in claims if not claim.stands), None)
    if fallen is not None:
        return Dropped(text[:200], fallen.verdict.value, fallen.numeral.value, fallen.nearest)
    return text, claims


def _name(match: re.Match[str]) -> str:
    return (match[1] or match[2]).lower()


def _is_new(sentence: str, seen: set[str], instructions: str) -> bool:
    """Whether the sentence says something, and was not said before: small models go round in circles."""
    key = _key(sentence)
    if len(key.split()) < MIN_WORDS or key in seen or key in instructions:
        return False
    seen.add(key)
    return True


def _key(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def _tidy(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()
