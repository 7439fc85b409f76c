"""Word counter: docstrings, comments, messages and docs of the repository, against the counts of other codebases."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("docstrings", "comments", "messages", "docs")
FEWEST = 8  # a word that is used less often is never reported
TIMES = 20  # how much more frequent than in the reference a word may be
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
SHORTEST = 3
PRAGMA = re.compile(r"# *(?:fmt: \w+|noqa(?:: *[A-Z0-9, ]+)?|type: ignore(?:\[[\w, -]+\])?|pragma: [\w ]+)")
ENDING = re.compile(r"(?<=\w\w\w)(?:ing|ed|es|s|e)$")
CODE = re.compile(
    r"^```.*?^```$|`[^`\n]*`|\]\([^)\s]*\)|https?://\S+|<!--.*?-->|\b[A-Z]\w*[a-z]\w*[A-Z]\w*", re.MULTILINE | re.DOTALL
)
GENERATED = "<!-- Below: written by `make reference`"
SENTENCE = re.compile(r"[A-Za-z][a-z']*[,:]? [a-z']+[,:]? [a-z]")
MESSAGES_OF = ("ert_deploy/", "images/", "ci/")
# English as data: what the model is told, what is looked for in its text, and the clauses that code puts together.
NO_MESSAGES = re.compile(r"ert_backend/(?:grounding/|reports/(?:draft|prompts|quotes|sections|sentences|text/))")
# Generated from packages, or a record of what was run.
NOT_PROSE = ("docs/licenses.md", "docs/evidence.md", "docs/metrics.md")
# Their tables are a reference: `tests/docs` checks each row against the code.
TABLES_NOT_PROSE = ("docs/fidelity.md",)
TABLE_ROW = re.compile(r"^\|.*$", re.MULTILINE)
PAGES = re.compile(r"[A-Z]+\.md|docs/(?:adr/)?[\w-]+\.md|images/[\w-]+/README\.md")


@dataclass
class Uses:
    """How often each word is used, and in which files."""

    words: Counter[str] = field(default_factory=Counter)
    files: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, text: str, file: str) -> None:
        """Count the words of a text; names of code, what is in backticks and links are not counted."""
        for found in WORD.findall(CODE.sub(" ", text).lower()):
            word = found.removesuffix("'s")
            if len(word) >= SHORTEST:
                self.words[word] += 1
                self.files.setdefault(word, Counter())[file] += 1


@dataclass(frozen=True)
class Overused:
    """One word that is used more often than is allowed."""

    word: str
    uses: int
    allowed: int
    files: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        listed = ", ".join(f"{file} {uses}" for file, uses in self.files)
        return f"{self.word}: used {self.uses} times, allowed {self.allowed}: {listed}"


@dataclass(frozen=True)
class Reference:
    """The word counts of the reference, possessives with their word; an unlisted word was found once at most."""

    counts: Mapping[str, int]
    total: int

    @classmethod
    def read(cls, path: Path) -> Reference:
        """Read a table of `word<TAB>count` below a heading that gives the total; raise ValueError without a total."""
        lines = path.read_text(encoding="utf-8").splitlines()
        total = re.search(r"count in (\d+) words", lines[0])
        if total is None:
            raise ValueError(f"{path}: its first line must give the total, as in `count in 266109 words`")
        counts: Counter[str] = Counter()
        for word, uses in (line.split("\t") for line in lines[1:] if line):
            counts[word.removesuffix("'s")] += int(uses)
        return cls(counts, int(total[1]))

    def allowed(self, word: str, total: int) -> int:
        """How often a word may be used in a text of `total` words."""
        limit = TIMES * max(self.counts.get(word, 0), 1) * total / self.total
        return max(FEWEST - 1, -int(-limit // 1) - 1)


def stem(word: str) -> str:
    """A word without the ending of its plural or of its verb forms: an exception holds for all of them."""
    return ENDING.sub("", word)


def overused(uses: Uses, reference: Reference, excepted: Iterable[str]) -> list[Overused]:
    """Each word that is used too often, the worst first."""
    total, exempt = uses.words.total(), {stem(word.removesuffix("'s")) for word in excepted}
    found = [
        Overused(word, n, allowed, tuple(uses.files[word].most_common()))
        for word, n in uses.words.items()
        if stem(word) not in exempt
        if n > (allowed := reference.allowed(word, total))
    ]
    return sorted(found, key=lambda one: (one.allowed - one.uses, one.word))


def tracked(*patterns: str) -> list[str]:
    """The files of the repository, also new ones, that match."""
    command = ["git", "ls-files", "-co", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(name for name in set(listed) if (ROOT / name).is_file())


def docstrings(source: str) -> Iterator[str]:
    """The docstrings of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text


def comments(source: str) -> Iterator[str]:
    """The comments of a module."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield PRAGMA.sub("", token.string)


def messages(source: str) -> Iterator[str]:
    """The string constants of a module that read as sentences, f-strings with their values left out."""
    tree = ast.parse(source)
    parts: set[ast.expr] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts |= set(node.values)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
            parts.add(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if node.func.attr in {"compile", "split"}:  # patterns and tables
                parts |= {owner, *node.args}
    for node in ast.walk(tree):
        text = ""
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(v.value) if isinstance(v, ast.Constant) else "0" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            text = node.value
        if SENTENCE.search(text):
            yield text


def says_messages(name: str) -> bool:
    """Whether a module prints, logs or raises text for people."""
    return name.startswith(MESSAGES_OF) and not NO_MESSAGES.search(name)


def prose(name: str) -> str:
    """The part of a page that is written by hand."""
    text = (ROOT / name).read_text(encoding="utf-8").partition(GENERATED)[0]
    return TABLE_ROW.sub("", text) if name in TABLES_NOT_PROSE else text


def count(kinds: Iterable[str] = KINDS) -> Uses:
    """Count each word of the whole repository, or of some kinds of text."""
    uses, wanted = Uses(), set(kinds)
    readers = {"docstrings": docstrings, "comments": comments, "messages": messages}
    for name in tracked("*.py"):
        source = (ROOT / name).read_text(encoding="utf-8")
        for kind in wanted & set(readers):
            if kind != "messages" or says_messages(name):
                for text in readers[kind](source):
                    uses.add(text, name)
    if "docs" in wanted:
        for name in tracked("*.md"):
            if PAGES.fullmatch(name) and name not in NOT_PROSE:
                uses.add(prose(name), name)
    return uses
