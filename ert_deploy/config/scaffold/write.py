"""Project files: creates each file atomically; one that is replaced is shown as a diff before, and copied.

A file that would change is displayed as a diff, with anything that may be a key replaced.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path

from ert_deploy.config.schema.secret_shapes import SECRET_VALUE
from ert_deploy.config.yaml.problems import shown
from ert_deploy.config.yaml.regular_file import Unreadable, read_plain
from ert_deploy.core.model.errors import UsageError

MOST_BYTES = 256 * 1024


def changes(files: Mapping[Path, str]) -> dict[Path, str]:
    """Return the diff of each file that exists and differs. Raise `UsageError` for one that is not a text file."""
    before = {path: _there(path) for path in files}
    return {path: _diff(path, old, files[path]) for path, old in before.items() if old not in (None, files[path])}


def write(files: Mapping[Path, str]) -> None:
    """Replace every file through a temporary one in its directory. Raise `UsageError` when that fails."""
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, text)
        except OSError as error:
            raise UsageError(f"{shown(str(path))} cannot be written: {error.strerror or 'unknown reason'}") from None


def back_up(paths: Iterable[Path]) -> dict[Path, Path]:
    """Copy each file to a new one beside it: NAME.bak, else NAME.bak.1, ... Return the copies; none is overwritten.

    Raise `UsageError` when that fails.
    """
    made: dict[Path, Path] = {}
    for path in paths:
        try:
            about, data = read_plain(path, MOST_BYTES)
            made[path] = _copied(path, data, about.st_mode & 0o777)
        except (Unreadable, OSError) as error:
            why = str(error) if isinstance(error, Unreadable) else error.strerror or "unknown reason"
            raise UsageError(f"{shown(str(path))} cannot be copied, and nothing was written: {why}") from None
    return made


def _copied(path: Path, data: bytes, mode: int) -> Path:
    for number in count():
        copy = path.with_name(f"{path.name}.bak{f'.{number}' if number else ''}")
        try:
            descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        return copy
    raise AssertionError("there is always another number")


def _replace(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".", delete=False) as stream:
        made = Path(stream.name)
        try:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
            made.chmod(0o644)
            made.replace(path)
        except BaseException:
            made.unlink(missing_ok=True)
            raise


def _there(path: Path) -> str | None:
    if not path.exists() and not path.is_symlink():
        return None
    try:
        _, data = read_plain(path, MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise Unreadable(f"it is larger than {MOST_BYTES // 1024} kB")
        return data.decode()
    except (Unreadable, UnicodeDecodeError) as error:
        why = str(error) if isinstance(error, Unreadable) else "it is not UTF-8 text"
        raise UsageError(f"{shown(str(path))} exists already and cannot be compared: {why}") from None


def _diff(path: Path, old: str | None, new: str) -> str:
    before, after = (old or "").splitlines(), new.splitlines()
    lines = difflib.unified_diff(before, after, f"{path} (there)", f"{path} (new)", n=1)
    return "\n".join(_printable(line.rstrip("\n")) for line in lines)


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in SECRET_VALUE.sub("***", line))


def diff_lines(found: Mapping[Path, str]) -> Iterator[str]:
    """Iterate over the lines of all diffs."""
    for text in found.values():
        yield from text.splitlines()
