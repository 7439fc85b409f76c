"""Write the golden reports (`--write`), or show how the output of the current code differs from them.

python -m tests.golden_reports [--write] [NAME ...]
"""

from __future__ import annotations

import argparse
import difflib
import sys

from tests.golden_reports.writing import FOLDER, NAMES, write


def main() -> int:
    """Return 0 when no report differs or all are written, 1 when a report differs, 2 for an unknown name."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden_reports", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put what the present code writes into the files")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all without")
    given = parser.parse_args()
    if unknown := sorted(set(given.names) - set(NAMES)):
        parser.error(f"no request of that name: {', '.join(unknown)}")
    differ = 0
    for file, text in write(given.names or NAMES).items():
        path = FOLDER / "reports" / file
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before == text:
            continue
        differ += 1
        if given.write:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"written: {path.name}\n")
        else:
            sys.stdout.writelines(
                difflib.unified_diff(before.splitlines(True), text.splitlines(True), path.name, "present code")
            )
    of_all = 2 * len(given.names or NAMES)
    sys.stdout.write(f"{differ} of {of_all} files {'written' if given.write else 'differ'}\n")
    return 1 if differ and not given.write else 0


if __name__ == "__main__":
    sys.exit(main())
