"""Report metadata: model, cost, grounding of the numbers, and decisions of the code. No I/O.

Old clients read four of these fields and ignore the others. Model and engine have the engine's own names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ert_backend.base.clock import iso_now
from ert_backend.base.requested import Requested
from ert_backend.grounding.check import Evidence, NumberResult
from ert_backend.grounding.derive import find
from ert_backend.grounding.facts import Fact, Unit
from ert_backend.grounding.figures import Figures
from ert_backend.grounding.identities import Conflict
from ert_backend.reports.display import show
from ert_backend.reports.markdown import tables
from ert_backend.reports.prompts import Brief
from ert_backend.reports.prose import HARMLESS, Traced
from ert_backend.reports.quality import Written, grounded, shortfalls
from ert_backend.reports.quotes import Sources
from ert_backend.reports.sections import BY_NAME
from ert_backend.reports.steps import Draft, Origin

RATINGS = {
    "strong_buy": "buy",
    "buy": "buy",
    "overweight": "overweight",
    "outperform": "overweight",
    "hold": "hold",
    "neutral": "hold",
    "underperform": "underweight",
    "underweight": "underweight",
    "sell": "sell",
    "strong_sell": "sell",
}
# Where a consensus about the company itself may be: at the top level, or in an object for it.
OWN_VIEW = re.compile(r"\w*(?:analyst|consensus|recommend|estimate|target)\w*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Frame:
    """The state shared by all sections; `said` contains the sentences of the previous ones."""

    request: Requested
    brief: Brief
    known: Evidence
    figures: Figures
    state: Origin
    given: Sources
    said: set[str]

    @property
    def facts(self) -> Mapping[str, Fact]:
        """All figures by id, as the tables show them."""
        return self.figures.facts


def rating_of(facts: Mapping[str, Fact]) -> tuple[str, str]:
    """Return the rating if analysts' consensus of this company was supplied; the model never provides one."""
    for fact in facts.values():
        parent, _, name = fact.id.rpartition(".")
        own = fact.subject is None and (not parent or OWN_VIEW.fullmatch(parent))
        if own and name == "recommendationKey" and fact.unit is Unit.TEXT:
            rating = RATINGS.get(str(fact.value).lower().replace(" ", "_"))
            if rating:
                return rating, "supplied_consensus"
    return "not_rated", "none"


def describe_report(frame: Frame, written: Sequence[Written], seconds: float) -> dict[str, Any]:
    """Return the `metadata` object of a finished report; `seconds` is its duration."""
    drafts = [part.checked.draft for part in written]
    completion, decode = sum(d.completion_tokens for d in drafts), sum(d.seconds for d in drafts)
    target = find(frame.figures.told, "targetMeanPrice")
    rating, basis = rating_of(frame.facts)
    missing = shortfalls(written)
    return {
        "generation_time": seconds,
        "model": frame.state.model,
        "engine": frame.state.engine,
        "model_digest": frame.state.digest,
        **({"sandbox": True} if frame.state.sandbox else {}),
        "timestamp": iso_now(),
        "sections_count": len(written),
        "total_words": sum(len(part.text.split()) for part in written),
        "tokens": {"prompt": sum(d.prompt_tokens for d in drafts), "completion": completion} | _more(drafts),
        "tokens_per_second": round(completion / decode, 2) if decode > 0 else None,
        "report": {
            "rating": rating,
            "rating_basis": basis,
            "price_target": target.number if target else None,
            "price_target_basis": "supplied_consensus" if target else "none",
            "price_target_currency": target.currency if target else None,
            "data_gaps": list(frame.figures.gaps),
            "shortened": list(frame.request.shortened),
            "tables": [
                table for part in written if part.name in BY_NAME for table in tables(BY_NAME[part.name], frame.figures)
            ],
        },
        "conflicts": [_conflict(conflict) for conflict in frame.figures.conflicts],
        "grounding": _grounding(written),
        "quality": "partial" if missing else "full",
        "quality_reasons": missing,
    }


def _conflict(conflict: Conflict) -> dict[str, Any]:
    """Return a contradiction: the rule, both figures, and which of them is in no sentence."""
    facts = [{"fact_id": f.id, "label": f.label, "value": f.number, "display": show(f)} for f in conflict.facts]
    return {"id": conflict.id, "rule": conflict.says, "facts": facts, "left_out": list(conflict.left_out)}


def _more(drafts: Sequence[Draft]) -> dict[str, Any]:
    """Return the tokens that the engine does not report: thinking, and whether the usage is partial after a stop."""
    thought = sum(draft.thinking_tokens for draft in drafts)
    cut = any(draft.completion_tokens and not draft.prompt_tokens for draft in drafts)
    return ({"thinking": thought} if thought else {}) | ({"partial": True} if cut else {})


def _grounding(written: Sequence[Written]) -> dict[str, Any]:
    claims = [claim for part in written for claim in part.prose.claims]
    fallen = [(part.name, item) for part in written for item in part.prose.dropped]
    dropped = [(name, item) for name, item in fallen if item.reason not in HARMLESS]
    left_out = Counter([item.reason for _, item in fallen] + ["repeat"] * sum(part.prose.repeats for part in written))
    repaired = [(part.name, item) for part in written for item in part.checked.repaired]
    return {
        "checked": len(claims) + len(dropped),
        "grounded": sum(claim.verdict is NumberResult.GROUNDED for claim in claims),
        "derived": sum(claim.verdict is NumberResult.DERIVED for claim in claims),
        "ungrounded": [
            {"section": name, "text": item.text, "reason": item.reason, "value": item.value, "nearest": item.nearest}
            for name, item in dropped
        ],
        "repaired": [{"section": name, "text": item.text, "reason": item.reason} for name, item in repaired],
        "left_out": dict(left_out),
        "sentences_with_a_figure": {part.name: grounded(part) for part in written},
        "calls": sum(part.checked.draft.calls for part in written),
        "written_by_code": [part.name for part in written if not part.from_model],
        "failures": {part.name: part.checked.failure for part in written if part.checked.failure},
        "trace": [_trace(part.name, sentence) for part in written for sentence in part.traced],
    }


def _trace(section: str, sentence: Traced) -> dict[str, Any]:
    """Return a printed sentence with the fact of each of its numbers, and the other facts that it cites."""
    numbers = [{"text": text, "fact_id": fact_id} for text, fact_id in sentence.numbers]
    facts = list(dict.fromkeys([*(fact_id for _, fact_id in sentence.numbers), *sentence.cited]))
    return {"section": section, "text": sentence.text, "by": sentence.by, "facts": facts, "numbers": numbers}
