"""Config file: loads its text and checks its encoding and size."""

from __future__ import annotations

from pathlib import Path

from ert_deploy.config.yaml.problems import ConfigProblems, Problem
from ert_deploy.config.yaml.regular_file import Unreadable, read_plain

MOST_BYTES = 256 * 1024
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"


def read_text(path: Path) -> str:
    """Return the text of a config file of at most 256 kB. Raise `ConfigProblems`."""
    try:
        _, data = read_plain(path, MOST_BYTES + 1)
    except Unreadable as reason:
        raise _refused(path, str(reason)) from None
    if len(data) > MOST_BYTES:
        raise _refused(path, f"it is larger than {MOST_BYTES // 1024} kB", "a config is a page or two")
    return _decoded(path, data)


def _decoded(path: Path, data: bytes) -> str:
    if data.startswith(_UTF16):
        raise _refused(path, "it is UTF-16 text", "save it as UTF-8")
    if data.startswith(_UTF8_MARK):
        raise _refused(path, "it starts with a byte order mark", "save it as UTF-8 without BOM")
    if b"\0" in data:
        raise _refused(path, "it is a binary file")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refused(path, "it is not UTF-8 text", "save it as UTF-8", line) from None
    if not text.strip():
        raise _refused(path, "it is empty", "copy configs/ert.yaml and change it")
    return text


def _refused(path: Path, what: str, hint: str = "", line: int = 0) -> ConfigProblems:
    return ConfigProblems(str(path), [Problem("", line, what, hint)])
