"""`make grounding-claims`: 95 % of false claims must be removed, and at most 2 % of true ones; by kind.

Reads the given files, else all in this folder; the exit code is 1 unless each meets the limits. A file with the name of
an existing `.sha256` file must have that hash.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.grounding.claims.measure import HELD, OPEN, VARIANTS, Share, measure, promised, read

FALSE, TRUE = 0.95, 0.02


def main() -> int:
    """Run the checks, print the results and return the exit code."""
    options = argparse.ArgumentParser(prog="make grounding-claims")
    options.add_argument("files", nargs="*", type=Path, help="sentences to measure, by default all that are here")
    options.add_argument("--all", action="store_true", help="print every sentence that went the wrong way")
    chosen = options.parse_args()
    files = chosen.files or [path for path in (OPEN, HELD, VARIANTS) if path.exists()]
    return int(not all([_kept(path, chosen.all) for path in files]))


def _kept(path: Path, everything: bool) -> bool:
    """Print the results of one file; return whether it meets the limits."""
    kinds = measure(read(path))
    print(f"{f'{path.name}: {promised(path)}':<48}{'false out':>14}{'true out':>14}")
    for kind, share in kinds.items():
        print(f"  {kind:<46}{_of(share.false_out, share.false)}{_of(share.true_out, share.true)}")
    total = sum(kinds.values(), Share())
    print(f"  {'all':<46}{_of(total.false_out, total.false)}{_of(total.true_out, total.true)}")
    wrong = [text for share in kinds.values() for text in share.wrong]
    print("\n".join(f"! {text}" for text in (wrong if everything else wrong[:40])))
    return total.false_out >= FALSE * total.false and total.true_out <= TRUE * total.true


def _of(hit: int, every: int) -> str:
    return f"{f'{hit}/{every}':>8}{f'{hit / every:.0%}' if every else '':>6}"


if __name__ == "__main__":
    sys.exit(main())
