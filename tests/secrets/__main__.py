"""`python -m tests.secrets`: plant secrets, run every command in every encoding, and print each leak.

Exit status 1 if a secret is found where `docs/guarantees.md` excludes it, or if the search does not find a known leak.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.secrets.scenes import ALL, EACH, FIRST, LAST, begin, unguarded
from tests.secrets.stage import Stage, staged


def played(stage: Stage, encodings: list[str]) -> None:
    """Run all scenarios: those in `EACH` with every encoding, the others with one encoding in turn."""
    turn = iter(encodings * (len(FIRST) + len(LAST)))
    for scene in FIRST:
        _timed(stage, scene, next(turn))
    _timed(stage, begin, "raw")
    for encoding in encodings:
        for scene in EACH:
            _timed(stage, scene, encoding)
    for scene in LAST:
        _timed(stage, scene, next(turn))


def _timed(stage: Stage, scene: object, encoding: str) -> None:
    started = time.monotonic()
    scene(stage, encoding)  # type: ignore[operator]
    stage.sweep()
    name = getattr(scene, "__name__", "?")
    _say(f"{name:15} {encoding:12} {time.monotonic() - started:6.1f} s, {len(stage.hunt.findings)} found")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run all and return the exit status."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # moto's own log of calls
    asked = argparse.ArgumentParser(prog="python -m tests.secrets", description=__doc__)
    asked.add_argument("encodings", nargs="*", default=list(ALL), help=f"of {', '.join(ALL)}; default: all")
    encodings = asked.parse_args().encodings
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "work")
        place.mkdir()
        with staged(place) as stage:
            played(stage, encodings)
            begin(stage)
            seen = unguarded(stage, encodings[0])
            stage.run("down", "--now")
    hunt = stage.hunt
    _say(f"\n{len(hunt.secrets)} secrets, {len(encodings)} encodings, {len(stage.ended)} commands; looked through:")
    for kind, count in sorted(hunt.looked.items()):
        _say(f"  {kind:15} {count:5d}")
    for finding in sorted(hunt.findings):
        _say(f"FOUND {finding.where}: {finding.secret} ({finding.encoding})")
    _say(f"{len(hunt.findings)} found; with the redactor switched off the same search finds {seen} secrets in one log")
    return 1 if hunt.findings or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
