"""Plain English: docstrings, comments, messages and docs use no word of style much more often than other code."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from ert_deploy.config.providers import every
from tests.support.words import (
    FEWEST,
    KINDS,
    ROOT,
    Overused,
    Reference,
    Uses,
    comments,
    count,
    docstrings,
    messages,
    overused,
    prose,
)

SHARED = Path(os.environ.get("ERT_SHARED", ROOT.parent / "shared"))
REFERENCE, TODAY = SHARED / "words.tsv", SHARED / "words-today.tsv"
TERMS = 40
EXCEPTED = {
    "products, and the files and signals of the platform": """
        adr agpl apprise boto cpp docker dockerfile edgar flask github gpt gunicorn litellm netrc ollama openai pem
        haproxy prometheus readme sigkill yahoo""",
    "fields of an equity report, which the backend and the dashboard are about": """
        analyst asset average book cash currency currencies debt dividend earning equity filing fiscal flow growth
        headline income interest margin pence profit quarter ratio research revenue sale share statement""",
    "fields and terms of a language model's API": "prompt reasoning thinking thought",
    "lines about a deployment for whoever is not looking, and a term of Prometheus": "alert notices",
    "headings of decision records": "consequences",
    "the ownership of a report by a process, with an end": "lease",
    "fields and screens of the providers": "advertised console digest interruptible previews rental unverified",
    "the command `wake`, in its other forms": "asleep waker wakes waking woken",
    "a key of the config, and the Python package that it can select": "custody keyring",
    "a section of the config, a key of it, and the state of a backend that serves": "launch hedge healthy",
    "public repositories and packages from which constants are taken": "klutzydrummer llmapi ray vastai",
    "a unit of time, and the name of a pattern of requests": "hours",
    "terms of the money of a deployment": "budget ledger charges spend spent",
    "terms of their distributions, and of models of the market": "deviation factor knob logarithmic median spread",
}


def glossary() -> list[str]:
    """The glossary of CONTRIBUTING.md: each term is at the start of its line."""
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n## Glossary\n")[2]
    return re.findall(r"^\*\*([\w -]+)\*\*: ", section.partition("\n## ")[0], re.MULTILINE)


def excepted() -> set[str]:
    """Each word that may be used as often as it is needed."""
    rows = (line.split("\t") for line in TODAY.read_text(encoding="utf-8").splitlines())
    domain = {row[0] for row in rows if row[-1] == "domain"}
    providers = (f"{one.section} {one.name.lower()}" for one in every())
    named = [*glossary(), *EXCEPTED.values(), *providers]
    return domain | {word for group in named for word in group.split()}


def found(kinds: Iterable[str] = KINDS) -> list[Overused]:
    """Each word of style that these kinds of text use too often."""
    return overused(count(kinds), Reference.read(REFERENCE), excepted())


@pytest.mark.contract
@pytest.mark.skipif(not REFERENCE.is_file(), reason="the word counts of other codebases are not beside the repository")
def test_no_word_of_style_is_twenty_times_as_frequent_as_in_other_codebases() -> None:
    words = found()
    assert not words, "\n".join(["words to replace:", *map(str, words)])


def test_the_glossary_is_short() -> None:
    assert 0 < len(glossary()) <= TERMS


def counted(**texts: str) -> Uses:
    uses = Uses()
    for file, text in texts.items():
        uses.add(text, file)
    return uses


def test_a_word_is_reported_with_its_uses_what_is_allowed_and_its_files() -> None:
    reference = Reference({"common": 20_000, "rare": 1}, 20_000)
    plenty = "common " * 900
    uses = counted(a=plenty + "rare " * 5, b="rare " * 15, c="unseen " * FEWEST)
    assert [str(word) for word in overused(uses, reference, ())] == [
        "rare: used 20 times, allowed 7: b 15, a 5",
        f"unseen: used {FEWEST} times, allowed 7: c {FEWEST}",
    ]
    assert overused(uses, reference, ("rare", "unseen")) == []
    assert overused(counted(a=plenty, b="rare " * (FEWEST - 1)), reference, ()) == []


def test_a_frequent_word_may_be_used_up_to_twenty_times_as_often() -> None:
    reference = Reference({"known": 10}, 1000)  # one in 100 there, so less than one in 5 here
    filler = " ".join("a" + "bcdefghij"[n % 9] * (n // 9 + 2) for n in range(801))
    assert overused(counted(a=filler + " known" * 199), reference, ()) == []
    assert [word.uses for word in overused(counted(a=filler[: len(filler) // 3] + " known" * 400), reference, ())] == [
        400
    ]


def test_forms_of_a_word_share_its_exception_and_a_possessive_is_its_word() -> None:
    reference = Reference({}, 100_000)
    uses = counted(a="destroys destroyed destroy destroy's " * 9)
    assert [(word.word, word.uses) for word in overused(uses, reference, ())] == [
        ("destroy", 18), ("destroyed", 9), ("destroys", 9),
    ]  # fmt: skip
    assert overused(uses, reference, ("destroy",)) == []


def test_code_is_not_prose() -> None:
    text = "Runs `answer` now, or AnswerAgain.\n"
    text += "```\nanswer\n```\n[the page](answer.md), https://answer.example <!-- answer -->"
    assert sorted(counted(a=text).words) == ["now", "page", "runs", "the"]


def test_only_the_tables_of_fidelity_are_left_out() -> None:
    assert "\n| " not in prose("docs/fidelity.md")
    assert "`tests/docs/test_fidelity.py`" in prose("docs/fidelity.md")
    assert "\n| " in prose("docs/limits.md")


def test_texts_of_a_module_are_told_apart() -> None:
    source = (
        '"""Module text."""\nNAMES = "one two three".split()\n'
        'def f(n):\n    """Function text."""\n    # A remark.  # noqa: S101\n'
        '    raise ValueError(f"the value {n} is too large", "key")\n'
    )
    assert list(docstrings(source)) == ["Module text.", "Function text."]
    assert [text.split() for text in comments(source)] == [["#", "A", "remark."]]
    assert list(messages(source)) == ["the value 0 is too large"]


@pytest.mark.skipif(not REFERENCE.is_file(), reason="the word counts of other codebases are not beside the repository")
@pytest.mark.contract
def test_the_reference_is_read_with_its_total_and_a_table_without_one_is_refused(tmp_path: Path) -> None:
    reference = Reference.read(REFERENCE)
    assert reference.total > sum(reference.counts.values()) > 100_000
    bare = tmp_path / "words.tsv"
    bare.write_text("word\tcount\nabc\t2\n")
    with pytest.raises(ValueError, match="must give the total"):
        Reference.read(bare)


if __name__ == "__main__":
    sys.stdout.write("".join(f"{word}\n" for word in found(sys.argv[1:] or KINDS)))
