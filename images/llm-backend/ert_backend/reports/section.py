"""Section writer: a draft that follows the schema, its check, and one repair call.

At most three calls per section: a draft, a second one in plain text if the first was empty (a thinking model that used
all its tokens for thinking), and one repair of the rejected sentences. Sentences that are rejected again are dropped
and recorded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ert_backend.engine.protocol import Message
from ert_backend.grounding.check import Evidence
from ert_backend.grounding.facts import Fact
from ert_backend.reports.draft import FORM, Unit, schema, units
from ert_backend.reports.prompts import REASONS, Brief, messages, repair_task, unlisted
from ert_backend.reports.prose import WITHHELD, Dropped, Traced, judge
from ert_backend.reports.steps import Answer, Ask, Draft, Exchange, Failure, Room, Writing

# At least two characters: an `s` after an apostrophe is not always a token of its own.
WORD = re.compile(r"\w{2,}")
REPAIRED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Checked:
    """The checked sentences in order; `repaired` were rejected once, `failure` is the last engine error."""

    sentences: tuple[Traced | Dropped, ...]
    draft: Draft
    failure: str | None = None
    repaired: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """One section to write: its task, the shared data, and the seed that makes it reproducible."""

    name: str
    task: str
    brief: Brief
    known: Evidence
    seed: int

    @property
    def facts(self) -> Mapping[str, Fact]:
        """All facts by id."""
        return self.brief.facts

    def form(self) -> dict[str, object]:
        """Return the schema of a draft, with the ids of the numeric facts."""
        return schema(name for name, fact in self.facts.items() if fact.number is not None)

    def judge(self, unit: Unit) -> Traced | Dropped:
        """Check one sentence against the facts."""
        return judge(unit, self.facts, self.known)


def write_section(section: Assignment, room: Room) -> Writing[Checked]:
    """Write and check the sentences of the section; an engine error is part of the result."""
    draft, failure = Draft("", complete=True, calls=0), None
    for attempt in range(2):
        form = section.form() if attempt == 0 and room.held else None
        answer = yield from _asked(section, section.task, section.seed + attempt, form, room)
        if isinstance(answer, Failure):
            failure = answer.text
            continue
        draft, failure = answer.plus(draft), None
        if draft.text.strip():
            break
    written = units(draft.text, draft.complete)
    judged = [section.judge(unit) for unit in written]
    if failure or not room.held or not any(isinstance(item, Dropped) for item in judged):
        return Checked(tuple(judged), draft, failure)
    return (yield from _repaired(section, Checked(tuple(judged), draft), written, room))


def _repaired(section: Assignment, checked: Checked, written: Sequence[Unit], room: Room) -> Writing[Checked]:
    """Have all rejected sentences rewritten in one call; those that are rejected again stay dropped."""
    fallen = [(i, item) for i, item in enumerate(checked.sentences) if isinstance(item, Dropped)]
    places = [(i, item) for i, item in fallen if item.reason in REASONS and item.text != WITHHELD][:REPAIRED_AT_ONCE]
    if not places:
        return checked
    task = repair_task([(item.text, item.reason) for _, item in places])
    answer = yield from _asked(section, task, section.seed + 2, section.form(), _short(room, places))
    if isinstance(answer, Failure):
        return checked
    result, repaired = list(checked.sentences), []
    for (place, item), unit in zip(places, units(answer.text, answer.complete), strict=False):
        fresh = section.judge(replace(unit, lead=written[place].lead))
        if isinstance(fresh, Traced):
            result[place] = replace(fresh, by="model, repaired")
            repaired.append(item)
    return Checked(tuple(result), checked.draft.plus(answer), None, tuple(repaired))


def _short(room: Room, places: Sequence[tuple[int, Dropped]]) -> Room:
    """Limit the length of that call: about as long as the sentences that it replaces, plus the JSON around them."""
    return replace(room, max_chars=min(room.max_chars // 2, sum(2 * len(item.text) + 120 for _, item in places)))


def _asked(section: Assignment, task: str, seed: int, form: Mapping[str, object] | None, room: Room) -> Writing[Answer]:
    """Request one output of the model for a task, with a schema if given, and record the size of its prompt."""
    asked = messages(section.brief, task + FORM if form else task, room.prompt_tokens)
    answer = yield Ask(section.name, tuple(asked), seed, form, room.max_chars)
    if answer is None:
        raise TypeError("an answer is needed here")
    if isinstance(answer, Failure):
        return answer
    sent = _exchange(asked, answer.prompt_tokens)
    return replace(answer, exchanges=(sent,), unlisted=unlisted(section.brief, asked))


def _exchange(conversation: Sequence[Message], tokens: int) -> Exchange:
    texts = [message.content for message in conversation]
    return Exchange(sum(map(len, texts)), sum(len(WORD.findall(text)) for text in texts), tokens)
