"""Docker engine output: progress of builds and pushes, image layers, archives. Needs no package `docker`."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.text import printable

USERNAME, PASSWORD = "ERT_REGISTRY_USERNAME", "ERT_REGISTRY_PASSWORD"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_STEP = re.compile(r"Step \d+/\d+ : .*")
_DENIED = re.compile(r"unauthorized|denied|authentication required|no basic auth|forbidden|incorrect username", re.I)
_ABSENT = re.compile(r"does not exist locally|no such image|not exist", re.I)
# The prefix that builders add to an instruction.
_NOISE = re.compile(r"^(?:RUN )?(?:/bin/sh -c (?:#\(nop\) +)?)?|\s*# buildkit$")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Layer:
    """One image layer: its unpacked size in bytes, and the instruction that created it."""

    size: int
    made_by: str


def follow_build(lines: Iterable[Mapping[str, Any]], say: Say) -> None:
    """Print each step as it starts; raise `Failed` with the last output when the build ends with an error.

    The stream is always read to the end: otherwise its connection would not be released.
    """
    last: list[str] = []
    wrong = ""
    for line in lines:
        text = printable(line.get("stream") or line.get("status") or "", 160)
        if _STEP.fullmatch(text):
            say(text)
        if text:
            last = [*last[-7:], text]
        wrong = wrong or printable(line.get("error") or "")
    if wrong:
        raise Failed(f"the build failed: {wrong}", detail="\n".join(last))


def follow_push(lines: Iterable[Mapping[str, Any]], repository: str, say: Say) -> str | None:
    """Print the progress in steps of 10 %; return the digest if the registry reports one.

    Raises `UsageError` when access to the registry is denied or the image does not exist, `Failed` for any other error.
    """
    digest, told, wrong = None, -1, ""
    sizes: dict[str, tuple[int, int]] = {}
    for line in lines:
        wrong = wrong or str(line.get("error") or "")
        digest = _digest_in(line) or digest
        detail = line.get("progressDetail") or {}
        if detail.get("total"):
            sizes[str(line.get("id", ""))] = (int(detail.get("current") or 0), int(detail["total"]))
        sent, whole = (sum(column) for column in zip(*sizes.values(), strict=True)) if sizes else (0, 0)
        if whole and sent * 10 // whole > told:
            told = sent * 10 // whole
            say(f"pushed {min(1.0, sent / whole):.0%} of {whole / 1e6:.0f} MB")
    if wrong:
        raise _refused(wrong, repository)
    return digest


def layers(rows: Iterable[Mapping[str, Any]]) -> tuple[Layer, ...]:
    """Return the layers with content, the base image's first: the engine lists the newest first, and empty ones too."""
    told = [(int(row.get("Size") or 0), printable(row.get("CreatedBy") or "", 400)) for row in rows]
    return tuple(Layer(size, _NOISE.sub("", text)[:120]) for size, text in reversed(told) if size)


def only_file(archive: bytes) -> bytes:
    """Return the content of the first file of a tar archive; raise `Failed` if there is none."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = tar.extractfile(tar.next() or tarfile.TarInfo())
        if found is None:
            raise Failed("the image holds no bill of materials", hint="build it with this version of ert-deploy")
        return found.read()


def _digest_in(line: Mapping[str, Any]) -> str | None:
    aux = line.get("aux")
    said = str(aux.get("Digest", "")) if isinstance(aux, Mapping) else ""
    return said if _DIGEST.fullmatch(said) else None


def _refused(said: str, repository: str) -> UsageError | Failed:
    registry = repository.partition("/")[0]
    if _DENIED.search(said):
        return UsageError(
            f"{registry} does not let us push {repository}",
            detail=printable(said),
            hint=f"`docker login {registry}`, or set {USERNAME} and {PASSWORD}",
        )
    if _ABSENT.search(said):
        return UsageError(f"there is no image {repository} to push", detail=printable(said))
    return Failed(f"the push to {registry} failed: {printable(said)}", hint="push again; completed uploads are kept")
