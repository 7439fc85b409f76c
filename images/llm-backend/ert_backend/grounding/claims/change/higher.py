"""Changes expressed by an adjective: `on higher revenue`, `compared with FY2022, more revenue`."""

from __future__ import annotations

from collections.abc import Iterator

from ert_backend.grounding.claims.change.outcome import change_of
from ert_backend.grounding.claims.decide import Ruling
from ert_backend.grounding.claims.sentence.arguments import unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.times import span
from ert_backend.grounding.claims.words.changes import HIGHER, SET_AGAINST


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check `on higher revenue` as a change from the previous value, unless another company is mentioned."""
    if "than" in scene.text or any(company.owner for company in scene.companies):
        return
    for match in HIGHER.finditer(scene.text):
        term = scene.after(match.end())
        if term is None or not term.names or scene.text[match.end() : term.start].strip():
            continue
        if unreal(scene, match.start()):
            continue
        begin, stop = scene.clause(match.start("word"))
        if match["word"] in {"more", "less", "fewer"} and not SET_AGAINST.match(scene.text):
            continue
        kind = (
            "up"
            if match["word"] in {"higher", "stronger", "larger", "better", "wider", "fatter", "more", "heavier"}
            else "down"
        )
        outcome, ids = change_of(scene, term, span(scene, match.end(), stop, begin), kind, None)
        if outcome is not None:
            yield Ruling(match.start("word"), term.end, outcome, ids)
