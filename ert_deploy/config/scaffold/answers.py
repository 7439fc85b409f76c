"""Answers of `init`: for each question the given value, else that of a user who is asked, else a default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ert_deploy.config.scaffold.detect import of_a_server, start_of, suggestions, unused_server
from ert_deploy.config.scaffold.earlier import earlier_answers
from ert_deploy.config.scaffold.model_table import lines
from ert_deploy.config.scaffold.server import NEEDED, NO_CA
from ert_deploy.config.scaffold.template import Question, choices, chosen, conflict, questions
from ert_deploy.config.schema.external import EXTERNAL
from ert_deploy.config.schema.keys import GPU, WEB
from ert_deploy.config.yaml.problems import shown
from ert_deploy.core.model.errors import UsageError

Ask = Callable[[Question, str], str]
EXAMPLES = {"url": "https://llm.example.org", "model": "m"}  # in place of needed values that are not given yet
OF_A_HOST = ("repo", "root", "build", "start", "region", "instances", "agent")


def completed(name: str, given: dict[str, str], ask: Ask | None, earlier: str) -> dict[str, str]:
    """Return a value for every question; the text of the earlier config gives the defaults.

    Raises UsageError for a value that is not valid, needed, or not asked for here.
    """
    if "url" in given:
        given.setdefault("gpu", EXTERNAL)
    suggested = suggestions(Path(), name)
    known = suggested | earlier_answers(earlier) | given
    for question in choices():
        _answer(question, known, given, ask, earlier)
    cloud, host = chosen(known)
    if cloud is None:
        suggested |= of_a_server(Path(), name, known)
    picked = {question.name: known[question.name] for question in choices()}
    known |= suggested | earlier_answers(earlier, picked) | given | picked
    asked = questions(known)
    if foreign := sorted(given.keys() - {question.name for question in (*choices(), *asked)}):
        whose = host.name if foreign[0] in OF_A_HOST else "an external server" if cloud is None else cloud.name
        raise UsageError(f"--{_flag(foreign[0])} is not a setting of {whose}")
    for question in asked:
        if question.name == "start" and "start" not in given:
            known["start"] = start_of(known["root"], known["start"])
        _answer(question, known, given, ask, earlier)
    for needed in NEEDED if cloud is None else ():
        if not known[needed]:
            hint = unused_server(Path()) if needed == "url" else ""
            raise UsageError(f"--{_flag(needed)} is needed with an external server", hint=hint)
    return known


def absent(question: Question, answer: str) -> str:
    """Return that the answer is a file that does not exist; empty if it does, or if it is none."""
    is_file = question.name != "ca" or answer == NO_CA or Path(answer).expanduser().is_file()
    return "" if is_file else f"there is no file {shown(answer)}"


def _answer(question: Question, known: dict[str, str], given: Mapping[str, str], ask: Ask | None, earlier: str) -> None:
    """Add the given value to the known ones, or that of `ask`. Raises UsageError for a bad one."""
    if question.name in given:
        if wrong := question.refusal(given[question.name]) or absent(question, given[question.name]):
            raise UsageError(f"--{_flag(question.name)}: {wrong}")
    elif ask is not None:
        known[question.name] = ask(_in_context(question, known, earlier), known[question.name])


def _in_context(question: Question, known: Mapping[str, str], earlier: str) -> Question:
    """Return the question with the rules that join its key with the known values, unless these break one already."""
    if question.key in (GPU, WEB):
        return question  # the other questions follow from it
    table = tuple(lines()) if question.key == "launch/model" else ()
    others = dict(known)
    if known.get("gpu") == EXTERNAL:
        others |= {name: value for name, value in EXAMPLES.items() if name == question.name or not known[name]}
    return replace(question, others=None if conflict(others, earlier) else others, table=table, earlier=earlier)


def _flag(name: str) -> str:
    return name.replace("_", "-")
