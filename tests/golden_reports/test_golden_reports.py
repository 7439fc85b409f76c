"""Golden reports for twelve types of companies: the whole report is unchanged, and each figure is checked by hand."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from tests.golden_reports.arithmetic import CURRENCIES, DERIVED, OF_THE_MARKET, READ, SIGNS
from tests.golden_reports.writing import FALSE, FOLDER, NAMES, request, write

SCALES = {"T": Decimal(10) ** 12, "B": Decimal(10) ** 9, "M": Decimal(10) ** 6, "": Decimal(1)}
SHOWN = re.compile(r"(-?)([^\d\-]*)([\d,]+(?:\.(\d+))?)([TBM]?)(%|x|)")


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return write(NAMES)


def rows(name: str) -> dict[str, dict[str, Any]]:
    """Return the rows of all tables of a committed report by figure id."""
    record = json.loads((FOLDER / "reports" / f"{name}.json").read_text(encoding="utf-8"))
    return {row["fact_id"]: row for table in record["report"]["tables"] for row in table["rows"]}


def test_there_are_the_twelve_kinds() -> None:
    kinds = "mega-cap bank insurer reit biotech loss-maker negative-equity adr london-pence tokyo hong-kong empty"
    assert [name.split("-", 1)[1] for name in NAMES] == kinds.split()


@pytest.mark.parametrize("name", NAMES)
def test_the_report_is_the_committed_one(name: str, files: dict[str, str]) -> None:
    """After an intended change run `make golden` and review the diff."""
    for file in (f"{name}.md", f"{name}.json"):
        assert files[file] == (FOLDER / "reports" / file).read_text(encoding="utf-8"), file


@pytest.mark.parametrize("name", NAMES)
def test_every_derived_figure_is_right_by_hand(name: str) -> None:
    derived = {fact_id: row for fact_id, row in rows(name).items() if row["source"].startswith("derived: ")}
    assert set(derived) == set(DERIVED[name])
    for fact_id, right in DERIVED[name].items():
        compare(derived[fact_id], right)


@pytest.mark.parametrize("name", NAMES)
def test_every_supplied_figure_is_shown_as_it_came_in_its_own_currency(name: str) -> None:
    supplied = request(name)["financial_data"]
    quoted, filed = CURRENCIES.get(name, ("USD", "USD"))
    for fact_id, row in rows(name).items():
        if fact_id not in DERIVED[name]:
            right = READ.get(name, {}).get(fact_id)
            compare(row, Decimal(repr(supplied[fact_id])) if right is None else right)
        if row["unit"] == "money":
            assert row["currency"] == (quoted if fact_id in OF_THE_MARKET else filed), fact_id
            assert row["display"].lstrip("-").startswith(SIGNS[row["currency"]]), fact_id


@pytest.mark.parametrize("name", NAMES)
def test_every_source_is_what_the_request_says(name: str) -> None:
    asked = request(name)
    told = {
        **asked["market_data"].get("provenance", {}),
        **{key: value for key, value in asked["financial_data"].items() if isinstance(value, dict)},
    }
    rates = {"exchangeRate.CNYHKD": asked["market_data"].get("exchangeRate", {})}
    for fact_id, row in rows(name).items():
        if fact_id not in DERIVED[name]:
            source = (told | rates)[fact_id]
            for field in ("source", "filing", "as_of", "link"):
                assert row[field] == source.get(field), (fact_id, field)


@pytest.mark.parametrize("name", NAMES)
def test_no_report_holds_the_false_number_or_a_dollar_that_is_none(name: str) -> None:
    text = (FOLDER / "reports" / f"{name}.md").read_text(encoding="utf-8")
    assert "987.65" in FALSE
    assert "987.65" not in text
    if "USD" not in CURRENCIES.get(name, ("USD", "USD")) or name == "12-empty":
        assert "$" not in text


def compare(row: dict[str, Any], right: Decimal | str) -> None:
    """Compare the value at double precision, and the printed form within half a unit of its last digit."""
    if isinstance(right, str):
        assert (row["value"], row["display"]) == (None, right), row
        return
    assert abs(Decimal(row["value"]) - right) <= abs(right) * Decimal("1e-12"), row
    shown = SHOWN.fullmatch(row["display"])
    assert shown, row
    sign, _, digits, places, scale, unit = shown.groups()
    unit_of = SCALES[scale] * (Decimal("0.01") if row["unit"] == "ratio" else 1)
    printed = Decimal(sign + digits.replace(",", "")) * unit_of
    half = Decimal("0.5") * Decimal(10) ** -len(places or "") * unit_of
    assert abs(printed - right) <= half * (1 + Decimal("1e-9")), row
    assert unit == {"ratio": "%", "percent": "%", "multiple": "x"}.get(row["unit"], ""), row
