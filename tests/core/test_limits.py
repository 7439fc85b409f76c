"""Limits and defaults of core and engine: identical to those documented in `docs/limits.md`.

A limit controls how often an operation with costs is repeated, so that a change is a change of documented behaviour.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from ert_deploy.config.schema.keys import ROOT
from ert_deploy.config.schema.parts import Range, Rows, Section
from ert_deploy.config.schema.walk import LEAST, MOST

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"
PACKAGES = ("ert_deploy.core", "ert_deploy.engine")
WANTED = (
    "core.model.app.target.",
    "core.model.desired.",
    "core.model.model_server.",
    "core.market.stages.Spread.",
    "core.idle.prices.",
    "core.idle.policy.",
    "core.verdict.starts.",
)
# Observed values and counts default to 0 and False, except where another default is safer.
BEGINS_OTHERWISE = {
    "core.verdict.facts.Facts.whole": "yes",
    "core.verdict.links.Link.needed": "yes",
    "core.model.observed.Offer.num_gpus": "1",
    "core.model.provider.Cloud.readable": "yes",
    "core.model.observed.Offer.verified": "yes",
    "core.model.observed.Offer.rentable": "yes",
    "core.model.boot.watch.Watch.seen": "inf",
    "core.model.owner.Owner.complete": "yes",
    "core.planning.marks.Undecided.blocks": "yes",
    "engine.app_proof.Finding.stops": "yes",
    "engine.run_context.RunMemory.ranked_until": "-inf",
    "engine.run_context.RunMemory.raced": "-inf",
    "core.launching.progress.Curve.model_share": "1",
    "core.notices.notice.Notice.lasts": "yes",
    "core.objectives.objective.Objective.above": "yes",
    "core.ledger.summary.Summary.replicas": "1",
    "engine.fleet.listing.Listing.asked": "-inf",
    "engine.fleet.member.Member.due": "-inf",
}
ROW = re.compile(r"^\| `([\w.]+)` \| (\S+) \| (.*) \|$", re.MULTILINE)


def modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        root = importlib.import_module(package)
        for found in pkgutil.walk_packages(root.__path__, package + "."):
            yield importlib.import_module(found.name)


def bounds() -> dict[str, str]:
    """Return every numeric module constant by its dotted name without the package."""
    found: dict[str, str] = {}
    for module in modules():
        defined = re.findall(r"^(_?[A-Z][A-Z_]*)\b.*? = ", Path(module.__file__ or "").read_text(), re.MULTILINE)
        found |= {name: said for name in defined if (said := _said(getattr(module, name, None)))}
        found = {name if "." in name else f"{_place(module)}.{name}": said for name, said in found.items()}
    return found


def defaults() -> dict[str, str]:
    """Return every numeric default of a dataclass field by its dotted name."""
    found: dict[str, str] = {}
    for module in modules():
        for name, kind in sorted(vars(module).items()):
            if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == module.__name__:
                given = ((field.name, _said(field.default)) for field in dataclasses.fields(kind))
                found |= {f"{_place(module)}.{name}.{field}": said for field, said in given if said}
    return found


def _place(module: ModuleType) -> str:
    return module.__name__.removeprefix("ert_deploy.")


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.15g}" if type(value) in {int, float} else ""


def test_every_bound_and_default_is_the_one_that_is_documented() -> None:
    documented = {name: value for name, value, _ in ROW.findall(PAGE.read_text())}
    wanted = {name: value for name, value in defaults().items() if name.startswith(WANTED)}
    assert documented == {**bounds(), **wanted}
    assert len(documented) > 75


def test_what_is_seen_begins_with_nothing() -> None:
    seen = {name: value for name, value in defaults().items() if not name.startswith(WANTED)}
    assert {name: value for name, value in seen.items() if value not in {"0", "no"}} == BEGINS_OTHERWISE


def test_the_keys_of_the_config_on_the_page_exist() -> None:
    named = {key for _, _, meaning in ROW.findall(PAGE.read_text()) for key in re.findall(r"`(\w+/[\w/*]+)`", meaning)}
    known = set(paths(ROOT))
    assert {key for key in named if key.replace("*/", "") not in known} == set()
    assert len(named) > 30


def paths(section: Section | Rows, before: str = "") -> Iterator[str]:
    """Yield the full name of every key, without list indices."""
    for part in section.parts:
        name = f"{before}{part.name}"
        if isinstance(part, Section | Rows):
            yield from paths(part, f"{name}/")
        else:
            yield name
        if isinstance(part, Range):
            yield from (f"{name}/{end}" for end in (LEAST, MOST))
