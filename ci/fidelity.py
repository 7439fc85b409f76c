"""Sources of the sandbox: checks docs/fidelity.md against the code, and counts what is assumed.

Run by `make fidelity`, which reports the counts and fails where page and code differ.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from ert_deploy.sandbox.render.models import Timeline
from ert_deploy.sandbox.render.server import BASE, MODULES
from ert_deploy.sandbox.vast.api.routes import ROUTES
from ert_deploy.sandbox.vast.auth import LIMITS
from ert_deploy.sandbox.vast.conditions.knobs import Knobs
from ert_deploy.sandbox.vast.options import Options, Pace

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "fidelity.md"
SANDBOX = ROOT / "ert_deploy" / "sandbox"
MARK = re.compile(r"(?:^|\s)# (F\d+)$", re.MULTILINE)
GROUPS = ("vast/offers.py", "vast/serialize.py", "render/serialize.py")
JSON = ("Json", "Mapping[str, list[Json]]", "dict[str, Any]")
# Options without a counterpart at Vast: the sandbox's own.
OWN = ("pace", "rate_limits", "machine_env", "port", "knobs")


@dataclass(frozen=True, slots=True)
class Assumption:
    """One row of the table of assumptions; `money` is "yes" where a bill depends on it."""

    id: str
    money: str
    what: str


def assumptions(page: str) -> list[Assumption]:
    """Return the rows of the table of assumptions."""
    return [Assumption(*row) for row in re.findall(r"^\| (F\d+) \| (yes|) \| (.+?) \| .+ \|$", page, re.MULTILINE)]


def routes_of_page(page: str) -> dict[str, str]:
    """Map each route of the page, such as `GET /v1/users`, to what it is taken from."""
    return dict(re.findall(r"^\| `([A-Z]+ /\S+)` \| (.+) \|$", page, re.MULTILINE))


def routes_of_code() -> set[str]:
    """Return each route that a double has a handler for."""
    vast = {f"{method} {path}" for method, path, *_ in ROUTES}
    return vast | {f"{method} {BASE}{path}" for module in MODULES for method, path, *_ in module.ROUTES}


def groups_of_code() -> set[str]:
    """Return each function that makes JSON of an offer, an instance, or one of Render's objects."""
    return {f"`{module}` `{name}`" for module in GROUPS for name in _json_functions(SANDBOX / module)}


def _json_functions(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.returns is not None and ast.unparse(node.returns) in JSON:
            yield node.name


def timings_of_code() -> set[str]:
    """Return each timing, size and limit of the doubles that stands for one of the providers."""
    kinds = ((Pace, "Pace"), (Timeline, "Timeline"), (Options, "Options"), (Knobs, "Knobs"))
    found = {f"`{name}.{field.name}`" for kind, name in kinds for field in fields(kind) if field.name not in OWN}
    return found | {f"`LIMITS.{operation}`" for operation in LIMITS}


def ids_of_code() -> list[str]:
    """Return the id of each comment such as `# F12`, once per comment."""
    return [id for path in sorted(SANDBOX.rglob("*.py")) for id in MARK.findall(path.read_text(encoding="utf-8"))]


def differences(page: str) -> Iterator[str]:
    """Yield one line for each way in which page and code differ."""
    ids = [one.id for one in assumptions(page)]
    yield from _two_ways("assumption", set(ids), set(ids_of_code()))
    yield from (f"assumption {id} has two rows" for id in sorted({id for id in ids if ids.count(id) > 1}))
    yield from (f"assumption {id} is named and has no row" for id in sorted(named(page) - set(ids)))
    yield from _two_ways("route", set(routes_of_page(page)), routes_of_code())
    groups = set(re.findall(r"^\| (`\w+/\w+\.py` `\w+`) \|", page, re.MULTILINE))
    yield from _two_ways("field group", groups, groups_of_code())
    values = set(re.findall(r"^\| (`(?:Pace|Options|Knobs|Timeline|LIMITS)\.\w+`) \|", page, re.MULTILINE))
    yield from _two_ways("timing", values, timings_of_code())


def named(page: str) -> set[str]:
    """Return every id that the page names outside the table of assumptions."""
    rest = re.sub(r"^\| F\d+ \|.*$", "", page, flags=re.MULTILINE)
    return set(re.findall(r"\bF\d+\b", rest))


def _two_ways(what: str, page: set[str], code: set[str]) -> Iterator[str]:
    yield from (f"{what} {one} is in docs/fidelity.md and not in the code" for one in sorted(page - code))
    yield from (f"{what} {one} is in the code and not in docs/fidelity.md" for one in sorted(code - page))


def main() -> int:
    """Print what is assumed and the differences; return the exit code."""
    page = PAGE.read_text(encoding="utf-8")
    found = assumptions(page)
    money = [one for one in found if one.money]
    sys.stdout.write(
        f"{len(routes_of_page(page))} routes; {len(found)} assumed entries, money depends on {len(money)}\n"
    )
    sys.stdout.writelines(f"  {one.id:4} {one.what}\n" for one in money)
    wrong = list(differences(page))
    sys.stderr.writelines(f"error: {line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
