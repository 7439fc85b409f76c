"""`ert-deploy cost`: its table, its chart in 80 and 120 columns, SVG and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from ert_deploy.app.running.cost import NO_RIGHT, Costs
from ert_deploy.cli import cli
from ert_deploy.cli.view.cost import chart, svg, table
from ert_deploy.core.ledger.budget import left
from ert_deploy.core.ledger.model import DAY, HOUR, Charge, Ledger, Transition
from ert_deploy.core.ledger.policy import NO_BUDGET, Budget
from ert_deploy.core.ledger.summary import summary
from tests.support.ids import nth

A, ONE = "a" * 32, nth(1)
START = 20_000 * DAY  # 2024-10-04
NOW = START + 3 * DAY + HOUR
LEDGER = (
    Ledger("ert")
    .adding([
        Transition(A, ONE, "rented", START, disk=0.01),
        Transition(A, ONE, "traffic", START, amount=0.2),
        Transition(A, ONE, "running", START, gpu=0.4),
        Transition(A, ONE, "stopped", START + 6 * HOUR, since=START + 5 * HOUR),
        Transition(A, ONE, "running", START + 2 * DAY, gpu=0.4),
    ])
    .charging([Charge(ONE, "traffic", 20_000, 0.25, START, START + HOUR)])
)  # fmt: skip


def made(budget: Budget = NO_BUDGET, ledger: Ledger = LEDGER, now: float = NOW) -> Costs:
    return Costs("ert", ".ert/ert.ledger.json", now, summary(ledger, now), budget, left(ledger, budget, now), 10)


def test_the_table_has_each_kind_and_what_was_charged() -> None:
    rows = list(table(made(Budget(5.0, 20.0))))
    assert rows[0].split() == ["GPU", "disk", "traffic", "total", "charged", "difference"]
    assert rows[2].split() == ["this", "month", "12.4000", "0.7300", "0.2500", "13.3800", "0.2500", "+0.0500"]
    text = "\n".join(rows)
    assert "per report   $1.34" in text
    assert "unsure       $0.40" in text
    assert "budget       $5.00 for this day, $4.59 left; at its end: stop" in text
    assert "budget       $20.00 for this month, $6.62 left" in text
    assert max(map(len, rows)) <= 80


def test_what_is_not_known_is_called_unknown() -> None:
    text = "\n".join(table(replace(made(ledger=Ledger("ert")), reports=None)))
    assert "forecast     unknown in the first hour" in text
    assert "per report   unknown" in text
    assert "saved" not in text
    assert "budget" not in text


def test_what_a_guard_was_given_and_earlier_months_have_rows() -> None:
    granted = LEDGER.adding([Transition(A, ONE, "granted", START + 3 * DAY, amount=1.0)])
    assert "given        $0.59" in "\n".join(table(made(Budget(9.0), granted)))
    assert "Oct 2024" in "\n".join(table(made(now=START + 40 * DAY)))


@pytest.mark.parametrize("width", [80, 120])
def test_the_chart_fits_the_terminal_and_the_dearest_day_fills_it(width: int) -> None:
    rows = list(chart(made(), width))
    assert len(rows) == 4 + 1
    assert max(map(len, rows)) == width
    assert rows[2].startswith("  Oct  6     9.84 ###")
    assert rows[2].count("#") > 50
    assert "#" not in rows[1]
    assert list(chart(made(ledger=Ledger("ert")), width)) == []


def test_the_svg_is_well_formed_and_has_a_column_for_each_day() -> None:
    root = ET.fromstring(svg(made()))
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [text for text in texts if text is not None and text.isdecimal()] == [str(n) for n in range(1, 8)]
    heights = [float(one.get("height", "0")) for one in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert max(heights) < 180.0
    assert len(list(ET.fromstring(svg(made(ledger=Ledger("ert")))))) > 5


def test_the_command_prints_one_document_or_the_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: dict[str, object] = {}

    def cost(config: str | None, **options: object) -> Costs:
        given.update(options, config=config)
        return replace(made(Budget(0.5)), notes=(NO_RIGHT,))

    monkeypatch.setattr("ert_deploy.app.running.cost.cost", cost)
    image = tmp_path / "cost.svg"
    plain = CliRunner().invoke(cli, ["cost", "-c", "ert", "--svg", str(image), "--reports", "10"])
    assert plain.exit_code == 0, plain.output
    assert (given["config"], given["reports"]) == ("ert", 10)
    assert image.read_text() == svg(made(Budget(0.5)))
    assert f"note: {NO_RIGHT}" in plain.stderr
    assert "note: $0.41 of the $0.50 for this day are spent" in plain.stderr
    document = json.loads(CliRunner().invoke(cli, ["cost", "--json"]).stdout)
    assert document["month"]["total_usd"] == pytest.approx(13.38)
    assert document["days"]["2024-10-06"]["gpu_usd"] == pytest.approx(9.6)
    assert document["budget"]["left_day_usd"] == pytest.approx(0.09)
    assert document["notes"] == [NO_RIGHT]
    wrong = CliRunner().invoke(cli, ["cost", "--svg", str(tmp_path / "none" / "c.svg")])
    assert "cannot be written" in str(wrong.exception)
