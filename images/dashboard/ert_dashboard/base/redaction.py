"""Redactor: removes the known secrets of a process from text, in any of the usual encodings.

It finds the secret itself, its percent, JSON and HTML encoding (up to three levels), its base64 in both alphabets at
each of the three offsets, and its hex digits, whole or split over lines. Long secrets are also found by their
alphanumeric characters alone, so that separators do not hide them.

A short secret cannot be distinguished from an ordinary word: it is removed only where the text marks it as a secret
(`password=...`, `//user:...@host`). Some patterns are removed whether they are known or not: the user info of a URL,
the value of an Authorization header, private keys, and API keys of known formats.

The images contain an identical copy of this file, as they share no module with the deployer.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

MASK = "***"
SHORT, WORDY = 8, 16  # a shorter string is treated as a word: any; lowercase or digits only
LOOSE = 12  # alphanumeric characters from which separators are ignored
LINE = 16  # characters from which a line of a secret is a secret itself
DEPTH = 3  # levels of nested encoding

# The time of each pattern is proportional to the length of the text, which others may choose.
_SECRET_NAME = re.compile(
    r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|(?:^|[_.-])(?:PASS|PWD|AUTH|DSN|COOKIE))(?:_[2-9])?$",
    re.I,  # one of a further replica has its number at the end
)
_PUBLIC_NAMES = frozenset({"PWD", "OLDPWD", "ERT_TOKEN", "GPG_KEY", "SSLKEY"})  # ERT_TOKEN is a public label
_USERINFO = re.compile(r"://([^/\s:@\"']*):([^/\s@\"']+)@")
_ASSIGNED = re.compile(r"\b([A-Za-z_][A-Za-z0-9_]*)=[\"']?([^\s\"']+)")
_LOGIN = re.compile(r"(?:^|\s)(?:-p|--password)[ =](\S+)")
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(://)[^/\s:@\"']*:[^/\s@\"']+(@)"), r"\1***\2"),
    (re.compile(r"(authorization[\"']?\s*[:=]\s*[\"']?(?:[a-z]+\s+)?)[A-Za-z0-9._~+/=-]{8,}", re.I), r"\1***"),
    (re.compile(r"\b((?:bearer|basic)\s+)(?=\S*[0-9=])[A-Za-z0-9._~+/=-]{16,}", re.I), r"\1***"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?"), MASK),
    (re.compile(r"\bert-(?=[a-z0-9_-]{0,31}[A-Z])[A-Za-z0-9_-]{32}(?![A-Za-z0-9_-])|\brnd_[A-Za-z0-9]{20,}"), MASK),
)
_ESCAPE = re.compile(
    r"%[0-7][0-9A-Fa-f]|(?:%[89A-Fa-f][0-9A-Fa-f])+"
    r"|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[nrtbf\"'/\\]"
    r"|&(?:\#[0-9]{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"
)
_LETTERS = re.compile(r"[^\W_]+")
_WRAP = re.compile(r"(?<![\"', \t])[\"', \t]*(?:\\?\r?\n|\r|\\r\\n|\\n)[\s>|\"']*")
_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_CALLED = (
    r"(?i:pass(?:word|wd|phrase)?|pwd|secret|token|(?:api.?)?key|credentials?|auth)[\"']?\s*(?:[:=]|\bis\b)\s*[\"']?"
)


def is_secret_name(name: str) -> bool:
    """Whether the name of a variable or field indicates a secret."""
    return name.upper() not in _PUBLIC_NAMES and _SECRET_NAME.search(name) is not None


@dataclass(frozen=True, slots=True)
class _View:
    """Decoded view of a text: character i corresponds to its range `[start[i], end[i])`."""

    text: str
    start: Sequence[int]
    end: Sequence[int]


class Redactor:
    """Registry of secrets that removes them from text. Thread-safe."""

    def __init__(self) -> None:
        self._held: frozenset[str] = frozenset()
        self._exact: tuple[str, ...] = ()
        self._loose: tuple[str, ...] = ()
        self._words: re.Pattern[str] | None = None

    def hold(self, *texts: str) -> None:
        """Register secrets, each with its longer lines; ignore empty ones."""
        parts = frozenset(part for text in texts for part in _parts(text))
        if parts <= self._held:
            return
        self._held |= parts
        long = [part for part in self._held if not _is_word(part)]
        forms = {form for part in long for form in _forms(part)}
        self._exact = tuple(form for form in forms if len(form) >= SHORT)
        bare = {"".join(_LETTERS.findall(form)) for form in forms}
        self._loose = tuple(form for form in bare if len(form) >= LOOSE)
        words = "|".join(sorted(map(re.escape, self._held - set(long)), key=len, reverse=True))
        self._words = re.compile(rf"({_CALLED})(?:{words})(?![A-Za-z0-9])") if words else None

    def hold_named(self, values: Mapping[str, str]) -> None:
        """Register the values with a secret name, and the passwords in URLs."""
        self.hold(*(found for name, value in values.items() for found in _secrets_of(name, value)))

    def hold_assigned(self, text: str) -> None:
        """Register the values that a script or command line assigns to secret names, and its password options."""
        self.hold_named(dict(_ASSIGNED.findall(text)))
        self.hold(*_LOGIN.findall(text))

    def clean(self, text: str) -> str:
        """Return `text` with all secrets masked."""
        spans = sorted(span for view in _views(text) for span in self._found(view)) if self._exact else []
        if spans:
            text = _masked(text, spans)
        if self._words is not None:
            text = self._words.sub(rf"\1{MASK}", text)
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
        return text

    def _found(self, view: _View) -> Iterator[tuple[int, int]]:
        yield from _occurrences(view, self._exact)
        yield from _occurrences(_kept(view, _LETTERS), self._loose)


HELD = Redactor()  # shared by all parts of the process


def hold(*texts: str) -> None:
    """Register secrets for the whole process."""
    HELD.hold(*texts)


def clean(text: str) -> str:
    """Return `text` without the secrets of the process, each replaced by `***`."""
    return HELD.clean(text)


def _is_word(text: str) -> bool:
    plain = text.isdecimal() or (text.isascii() and text.isalpha() and text.islower())
    return len(text) < (WORDY if plain else SHORT)


def _parts(text: str) -> Iterator[str]:
    whole = text.strip()
    if whole:
        yield whole
    lines = [line.strip() for line in whole.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= LINE and not line.startswith("-----"))


def _secrets_of(name: str, value: str) -> Iterator[str]:
    if is_secret_name(name):
        yield value
    for user, password in _USERINFO.findall(value):
        plain = _decoded_once(password)
        yield from (password, plain, f"{user}:{password}", f"{_decoded_once(user)}:{plain}")


def _forms(secret: str) -> Iterator[str]:
    """Yield the secret and its base64 and hex encodings at any offset in a longer text."""
    data = secret.encode(errors="surrogatepass")
    yield from (secret, "".join(secret.split()), data.hex(), data.hex().upper())
    yield _decoded_once(secret)  # its form after the surrounding text is unescaped
    for offset, first in ((0, 0), (1, 2), (2, 3)):
        known = slice(first, (offset + len(data)) * 8 // 6)  # only bits of the secret itself
        padded = b"\0" * offset + data
        yield from (base64.b64encode(padded)[known].decode(), base64.urlsafe_b64encode(padded)[known].decode())


def _views(text: str) -> Iterator[_View]:
    """Yield the text, the text as one line, and up to DEPTH levels of unescaping of both."""
    whole = _View(text, range(len(text)), range(1, len(text) + 1))
    starts = [whole]
    if _WRAP.search(text):
        starts.append(_kept(whole, _WRAP, inverse=True))
    for start in starts:
        view: _View | None = start
        for _ in range(DEPTH + 1):
            if view is None:
                break
            yield view
            view = _unescaped(view)


def _kept(view: _View, pattern: re.Pattern[str], *, inverse: bool = False) -> _View:
    """Join the matches of the pattern, or with `inverse` everything else."""
    pieces = [found.span() for found in pattern.finditer(view.text)]
    if inverse:
        edges = [0, *(edge for piece in pieces for edge in piece), len(view.text)]
        pieces = list(zip(edges[::2], edges[1::2], strict=True))
    return _joined(view, ((at, end, view.text[at:end]) for at, end in pieces))


def _unescaped(view: _View) -> _View | None:
    """Decode one level of encoding; return None if there is none."""
    found = list(_ESCAPE.finditer(view.text))
    if not found:
        return None

    def pieces() -> Iterator[tuple[int, int, str]]:
        last = 0
        for escape in found:
            yield last, escape.start(), view.text[last : escape.start()]
            yield escape.start(), escape.end(), _decoded_once(escape[0])
            last = escape.end()
        yield last, len(view.text), view.text[last:]

    return _joined(view, pieces())


def _joined(view: _View, pieces: Iterable[tuple[int, int, str]]) -> _View:
    texts: list[str] = []
    start: list[int] = []
    end: list[int] = []
    for at, to, text in pieces:
        texts.append(text)
        if text == view.text[at:to]:
            start += view.start[at:to]
            end += view.end[at:to]
        else:
            start += [view.start[at]] * len(text)
            end += [view.end[to - 1]] * len(text)
    return _View("".join(texts), start, end)


def _decoded_once(text: str) -> str:
    return _ESCAPE.sub(lambda found: _plain(found[0]), text)


def _plain(escape: str) -> str:
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[0] == "%":
        return bytes.fromhex(escape.replace("%", "")).decode(errors="replace")
    if escape[1] in "ux":
        return chr(int(escape[2:], 16))
    return _UNESCAPED.get(escape[1], escape[1])


def _occurrences(view: _View, needles: Iterable[str]) -> Iterator[tuple[int, int]]:
    for needle in needles:
        at = view.text.find(needle)
        while at >= 0:
            yield view.start[at], view.end[at + len(needle) - 1]
            at = view.text.find(needle, at + 1)


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    shown: list[str] = []
    last = 0
    for start, end in spans:
        if start >= last:
            shown += [text[last:start], MASK]
        last = max(last, end)
    return "".join([*shown, text[last:]])
