"""Redactor: takes the secrets that a process holds out of text, in whichever encoding they come back.

Found are the secret itself and its percent, JSON and HTML escapes (up to three deep), its base64 in both alphabets at
each of the three offsets, and its hex digits, in one piece or split over lines. What is long enough is compared by its
letters and digits alone, so that nothing between them hides it.

A short secret is an ordinary word as far as anybody can tell: it is taken out only where the text calls it a secret
(`password=...`, `//user:...@host`). Some things are taken out by their shape, whether they are held or not: what
stands before the `@` of an address, the value of an Authorization header, private keys, and API keys of known forms.

The images have this file, too, letter by letter: they share no module with the program.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

MASK = "***"
SHORT, WORDY = 8, 16  # characters below which a text is a word: any; only small letters, or only digits
LOOSE = 12  # letters and digits from which on anything may stand between them
LINE = 16  # characters from which on a line of a secret is one itself
DEPTH = 3  # escapes of escapes of escapes

# Every pattern here is linear in the text: whoever answers us chooses it.
_SECRET_NAME = re.compile(
    r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|(?:^|[_.-])(?:PASS|PWD|AUTH|DSN|COOKIE))$", re.I
)
_PUBLIC_NAMES = frozenset({"PWD", "OLDPWD", "ERT_TOKEN", "GPG_KEY", "SSLKEY"})  # ERT_TOKEN is a mark: it is in labels
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
    """Whether a variable or field of that name holds a secret, as far as its name tells."""
    return name.upper() not in _PUBLIC_NAMES and _SECRET_NAME.search(name) is not None


@dataclass(frozen=True, slots=True)
class _View:
    """Text made of another one: character i stands for `[start[i], end[i])` of it."""

    text: str
    start: Sequence[int]
    end: Sequence[int]


class Redactor:
    """Holds secrets and takes them out of text. It may be used by several threads."""

    def __init__(self) -> None:
        self._held: frozenset[str] = frozenset()
        self._exact: tuple[str, ...] = ()
        self._loose: tuple[str, ...] = ()
        self._words: re.Pattern[str] | None = None

    def hold(self, *texts: str) -> None:
        """Remember secrets, each with its longer lines. Empty ones are none."""
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
        """Remember those values whose name says that they are secret, and the passwords in addresses."""
        self.hold(*(found for name, value in values.items() for found in _secrets_of(name, value)))

    def hold_assigned(self, text: str) -> None:
        """Remember what a script or a command line sets variables of such names to, and the passwords it gives."""
        self.hold_named(dict(_ASSIGNED.findall(text)))
        self.hold(*_LOGIN.findall(text))

    def clean(self, text: str) -> str:
        """`text` without anything secret."""
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


HELD = Redactor()  # one for the process: whatever part of it has met a secret, no other part shows it


def hold(*texts: str) -> None:
    """Remember secrets for the whole process."""
    HELD.hold(*texts)


def clean(text: str) -> str:
    """`text` without any secret that the process holds."""
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
    """The secret, and what it looks like in base64 and in hex wherever in a longer text it stands."""
    data = secret.encode(errors="surrogatepass")
    yield from (secret, "".join(secret.split()), data.hex(), data.hex().upper())
    yield _decoded_once(secret)  # what it turns into where the text around it is unescaped
    for offset in range(3):
        known = slice(-(-offset * 8 // 6), (offset + len(data)) * 8 // 6)  # no bit of a neighbour is in these
        padded = b"\0" * offset + data
        yield from (base64.b64encode(padded)[known].decode(), base64.urlsafe_b64encode(padded)[known].decode())


def _views(text: str) -> Iterator[_View]:
    """The text, the text as one line, and each of the two unescaped as often as there is anything to unescape."""
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
    """What the pattern finds, or with `inverse` all the rest, put together."""
    pieces = [found.span() for found in pattern.finditer(view.text)]
    if inverse:
        edges = [0, *(edge for piece in pieces for edge in piece), len(view.text)]
        pieces = list(zip(edges[::2], edges[1::2], strict=True))
    return _joined(view, ((at, end, view.text[at:end]) for at, end in pieces))


def _unescaped(view: _View) -> _View | None:
    """One level of escapes undone; None when there are none."""
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
