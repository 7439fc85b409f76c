"""`python -m tests.outgoing`: run every network call with every fault and print a table; exit code 1 on failure."""

from __future__ import annotations

import sys

from tests.outgoing.calls import CALLS
from tests.outgoing.foreign import FOREIGN, refused
from tests.outgoing.troubles import ADMITTED, TROUBLES, play


def say(line: str) -> None:
    """Write one line to stdout and flush, as the table takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run and print the table. Return 0 if every check passes."""
    failed = 0
    for call in CALLS:
        say(f"{call.name} ({call.module})")
        for trouble in TROUBLES:
            seen = play(call, trouble)
            failed += not seen.held
            word = "admitted" if seen is ADMITTED else "held" if seen.held else "NOT HELD"
            say(f"  {trouble:<18}{word:<10}{seen.words}")
    say("a log's result_url")
    for name, url in FOREIGN.items():
        words = refused(url)
        failed += words is None
        say(f"  {name:<36}{'held' if words else 'NOT HELD':<10}{words or 'it was read'}")
    say(f"{failed} not held" if failed else "all held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
