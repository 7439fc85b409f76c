"""Search for planted secrets in the output and files of commands, independent of the redaction code."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.secrets.encodings import ENCODINGS, needles

LARGEST = 8 * 1024 * 1024


@dataclass(frozen=True, order=True)
class Finding:
    """A secret in a forbidden location."""

    where: str
    secret: str
    encoding: str


@dataclass
class Hunt:
    """Search for `secrets` (by name). `looked` is the number of searched texts by type of location."""

    secrets: dict[str, str] = field(default_factory=dict)
    findings: set[Finding] = field(default_factory=set)
    looked: dict[str, int] = field(default_factory=dict)
    _needles: dict[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def know(self, secrets: Mapping[str, str]) -> None:
        """Add values to search for. Raises `AssertionError` if one is too short for a reliable match."""
        for name, text in secrets.items():
            assert len(text) >= 12, f"{name} is too short to be looked for"
            self.secrets[name] = text
            self._needles[name] = {encoding: needles(encoding, text) for encoding in ENCODINGS}

    def within(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the name and the encoding of each secret in a text."""
        squeezed = "".join(text.split())
        folded = squeezed.replace("\\r", "").replace("\\n", "")
        for name, forms in self._needles.items():
            for encoding, wanted in forms.items():
                if any(one in squeezed or one in folded for one in wanted):
                    yield name, encoding

    def look(self, kind: str, where: str, text: str) -> None:
        """Search one text and store the findings."""
        self.looked[kind] = self.looked.get(kind, 0) + 1
        self.findings |= {Finding(f"{kind}: {where}", *found) for found in self.within(text)}

    def look_into(self, kind: str, folder: Path, *, but: tuple[str, ...] = ()) -> None:
        """Search the names and contents of all files in a directory, except paths that start with one of `but`."""
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if path.is_file() and not path.is_symlink() and not name.startswith(but):
                with contextlib.suppress(FileNotFoundError):
                    self.look(kind, name, f"{name}\n{path.read_bytes()[:LARGEST].decode(errors='replace')}")


class ArgumentWatch:
    """Context manager that repeatedly searches the arguments of every accessible process of this machine."""

    def __init__(self, hunt: Hunt) -> None:
        self._hunt = hunt
        self._seen: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ArgumentWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for line in self._seen:
            self._hunt.look(
                "argv", line[:60].replace(b"\0", b" ").decode(errors="replace"), line.decode(errors="replace")
            )

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self._seen.add(path.read_bytes())
