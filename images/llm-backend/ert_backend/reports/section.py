"""Writes one section with the model: a draft held to the schema, the check, one repair call, and what is left of it.

The engine gets at most three calls for a section: a draft, a second one in plain text where the first was empty (a
thinking model that used up its answer thinking), and one repair of the sentences that did not stand. What does not
stand after that is taken out and recorded.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ert_backend.base.clock import boot_seconds
from ert_backend.engine.bring_up import BringUp
from ert_backend.engine.protocol import EngineDown, EngineError, LlmEngine, Message
from ert_backend.grounding.check import Evidence
from ert_backend.grounding.facts import Fact
from ert_backend.reports.draft import FORM, Unit, schema, units
from ert_backend.reports.prompts import REASONS, Brief, messages, repair_task, unlisted
from ert_backend.reports.prose import WITHHELD, Dropped, Traced, judge

BLANKS = 200
# Two characters at least: an `s` behind an apostrophe is no token of its own everywhere.
WORD = re.compile(r"\w{2,}")
REPAIRED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Desk:
    """What the writer works with. `max_chars` bounds a section's draft, `prompt_tokens` its prompt.

    `held`: answers are held to the schema and repaired once. The grammar made of the schema costs a small model on a
    CPU more time than the words, so there it writes freely, and what does not stand is left out.
    """

    engine: LlmEngine
    state: BringUp
    prompt_tokens: int
    max_chars: int = 6400
    held: bool = True


@dataclass(frozen=True, slots=True)
class Exchange:
    """How long a prompt was that was sent, and how many tokens of it the engine says it read; 0 for not known."""

    characters: int
    words: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Draft:
    """What the model wrote in one call or several, with the cost; `complete` is False when it was cut.

    `exchanges` has every prompt, `unlisted` counts figures that did not fit into it.
    """

    text: str
    complete: bool
    prompt_tokens: int = 0
    completion_tokens: int = 0
    thinking_tokens: int = 0
    seconds: float = 0.0
    calls: int = 1
    exchanges: tuple[Exchange, ...] = ()
    unlisted: int = 0

    def plus(self, other: Draft) -> Draft:
        """This text with the cost of both."""
        return replace(
            self,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            thinking_tokens=self.thinking_tokens + other.thinking_tokens,
            seconds=self.seconds + other.seconds,
            calls=self.calls + other.calls,
            exchanges=(*self.exchanges, *other.exchanges),
            unlisted=max(self.unlisted, other.unlisted),
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """The judged sentences of a section in order; `repaired` were wrong once, `failure` is the engine's last error."""

    sentences: tuple[Traced | Dropped, ...]
    draft: Draft
    failure: str | None = None
    repaired: tuple[Dropped, ...] = ()


Count = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Assignment:
    """One section to be written: the task, what all sections share, and the seed that makes it repeatable."""

    task: str
    brief: Brief
    known: Evidence
    seed: int

    @property
    def facts(self) -> Mapping[str, Fact]:
        """All facts by id."""
        return self.brief.facts

    def form(self) -> dict[str, object]:
        """The schema of an answer: its ids are those of the numbers."""
        return schema(name for name, fact in self.facts.items() if fact.number is not None)

    def judge(self, unit: Unit) -> Traced | Dropped:
        """One sentence against the facts."""
        return judge(unit, self.facts, self.known)


async def write_section(section: Assignment, desk: Desk, count: Count) -> Checked:
    """The section's sentences, judged; EngineDown when the engine is gone, every other error is in the result."""
    draft, failure = Draft("", complete=True, calls=0), None
    for attempt in range(2):
        at = desk if attempt == 0 else replace(desk, held=False)
        try:
            fresh, failure = await _asked(section, section.task, section.seed + attempt, at, count), None
        except EngineDown:
            raise
        except EngineError as error:
            failure = str(error)
            continue
        draft = fresh.plus(draft)
        if draft.text.strip():
            break
    written = units(draft.text, draft.complete)
    judged = [section.judge(unit) for unit in written]
    if failure or not desk.held or not any(isinstance(item, Dropped) for item in judged):
        return Checked(tuple(judged), draft, failure)
    return await _repaired(section, Checked(tuple(judged), draft), written, desk, count)


async def _repaired(
    section: Assignment, checked: Checked, written: Sequence[Unit], desk: Desk, count: Count
) -> Checked:
    """One call for all sentences that fell; an answer that does not stand either leaves them out."""
    fallen = [(i, item) for i, item in enumerate(checked.sentences) if isinstance(item, Dropped)]
    places = [(i, item) for i, item in fallen if item.reason in REASONS and item.text != WITHHELD][:REPAIRED_AT_ONCE]
    if not places:
        return checked
    task = repair_task([(item.text, item.reason) for _, item in places])
    try:
        answer = await _asked(section, task, section.seed + 2, _short(desk, places), count)
    except EngineDown:
        raise
    except EngineError:
        return checked
    result, repaired = list(checked.sentences), []
    for (place, item), unit in zip(places, units(answer.text, answer.complete), strict=False):
        fresh = section.judge(replace(unit, lead=written[place].lead))
        if isinstance(fresh, Traced):
            result[place] = replace(fresh, by="model, repaired")
            repaired.append(item)
    return Checked(tuple(result), checked.draft.plus(answer), None, tuple(repaired))


def _short(desk: Desk, places: Sequence[tuple[int, Dropped]]) -> Desk:
    """A repair is about as long as what it repairs, in the form it has to have."""
    return replace(desk, max_chars=min(desk.max_chars // 2, sum(2 * len(item.text) + 120 for _, item in places)))


async def _asked(section: Assignment, task: str, seed: int, desk: Desk, count: Count) -> Draft:
    """The model's answer to a task of the section, in the form where answers are held, and how long its prompt was."""
    form = section.form() if desk.held else None
    asked = messages(section.brief, task + FORM if form else task, desk.prompt_tokens)
    answer = await _draft(desk, asked, seed, form, count)
    sent = _exchange(asked, answer.prompt_tokens)
    return replace(answer, exchanges=(sent,), unlisted=unlisted(section.brief, asked))


async def _draft(
    desk: Desk, conversation: Sequence[Message], seed: int, form: Mapping[str, object] | None, count: Count
) -> Draft:
    """One answer. Closing the stream at the length limit, or when only blanks come, stops the engine, too.

    With a schema a thinking model works in two passes and the engine accounts for the second alone: what was thought
    is counted here.
    """
    started, pieces, thought, text = boot_seconds(), 0, 0, ""
    stream = desk.engine.chat(desk.state.model, conversation, seed, form)
    async with contextlib.aclosing(stream):
        async for piece in stream:
            if piece.usage is not None:
                usage = piece.usage
                done = usage.reason != "length"
                return Draft(text, done, usage.prompt_tokens, usage.completion_tokens, thought, usage.decode_seconds)
            pieces, thought = pieces + 1, thought + bool(piece.thinking)
            text += piece.content
            count(pieces)
            if len(text) > desk.max_chars or (len(text) > BLANKS and not text[-BLANKS:].strip()):
                break
    return Draft(text, False, 0, pieces - thought, thought, boot_seconds() - started)


def _exchange(conversation: Sequence[Message], tokens: int) -> Exchange:
    texts = [message.content for message in conversation]
    return Exchange(sum(map(len, texts)), sum(len(WORD.findall(text)) for text in texts), tokens)
