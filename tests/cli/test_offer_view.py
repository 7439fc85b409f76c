"""What `plan` and `offers` say about an offer: costs, chance and minutes, within 80 columns, and the same as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ert_deploy.app import look, offers
from ert_deploy.app.offers import Offers
from ert_deploy.app.preview import Plan
from ert_deploy.cli import main
from ert_deploy.cli.view.offer import offer_lines
from ert_deploy.core.launching.interval import Interval
from ert_deploy.core.market.learned import learn
from ert_deploy.core.model.state import Denied, Launched
from ert_deploy.core.model.steps import AwaitBoot, Rent
from ert_deploy.core.planning.offers import Choice, choose
from tests.support.fakes.market import offer
from tests.support.situations import UP

FAILED = Denied("1003", 2e9, "no progress for 300 s (timings/no_progress)", "7", "2 failures in a row")


def market() -> Choice:
    found = [offer(n, host_id="7") for n in range(1, 4)]
    wide = offer(
        12345678901,
        dph_total=0.3,
        gpu_name="RTX PRO 6000 Blackwell Server Edition",
        geolocation="A very long place, US",
        host_id="9" * 18,
    )
    return choose([*found, wide, offer(5, cuda=1.0, ports=0)], UP)


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    choice = market()
    steps = (Rent("nothing serves"), AwaitBoot(None, "it has to boot"))
    monkeypatch.setattr(
        offers, "offers", lambda *_, **__: Offers(choice, UP, (FAILED,), between=Interval(0.5, 0.7, 0.88))
    )
    monkeypatch.setattr(
        look,
        "plan",
        lambda *_, **__: Plan(
            "ert", steps, offer=choice.ranked[0], matching=4, hours=2.0, between=Interval(0.5, 0.7, 0.88)
        ),
    )
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert not ended.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize("command", ["plan", "offers"])
def test_the_chosen_offer_is_shown_with_its_costs_and_the_minutes_of_each_stage(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(monkeypatch, capsys, command).splitlines()
    assert all(len(line) <= 80 for line in lines), [line for line in lines if len(line) > 80]
    text = "\n".join(lines)
    assert "  offer 1, RTX 3090, Sweden, SE, machine 1001 of host 7" in lines
    assert "  costs     $0.2010/h, $0.157 until healthy, $0.559 with 2 h" in lines
    assert "  between   $0.500 and $0.700 in 9 of 10 such runs, with 2 h" in lines
    assert "  a month   $16.78 if rented once a day, $144.88 if always on" in lines
    assert "  works     98% of such rentals; each that fails costs up to $0.153" in lines
    assert "rent     pull     boot download     load    smoke    total" in text
    (half,) = (line for line in lines if line.startswith("  half within"))
    (most,) = (line for line in lines if line.startswith("  95 % within"))
    slow, quick = ([float(word) for word in line[15:].split()] for line in (most, half))
    assert len(slow) == len(quick) == 7
    assert all(a > b for a, b in zip(slow, quick, strict=True))
    assert quick[-1] == pytest.approx(sum(quick[:-1]), abs=0.3)


def test_offers_are_a_table_with_what_is_denied_and_what_was_removed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(monkeypatch, capsys, "offers").splitlines()
    assert [line.split()[:2] for line in lines[2:6]] == [["1", "1"], ["2", "2"], ["3", "3"], ["4", "12345678901"]]
    assert lines[2].split() == ["1", "1", "RTX", "3090", "SE", "Sweden", "0.2010", "0.157", "0.559", "18", "69", "98%"]
    assert "  avoided    machine 1003 of host 7 until 2033-05-18 03:33:20 UTC: 2 failures in" in lines
    assert "    1  offer/min_cuda" in lines
    assert len(said(monkeypatch, capsys, "offers", "--limit", "1").splitlines()) == len(lines) - 3


def test_the_documents_have_the_same_in_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = json.loads(said(monkeypatch, capsys, "plan", "--json"))
    listed = json.loads(said(monkeypatch, capsys, "offers", "--json"))
    first = listed["offers"][0]
    assert planned["offer"] == {name: value for name, value in first.items() if name != "rank"}
    assert (planned["matching"], planned["hours"], listed["matching"]) == (4, 2.0, 4)
    assert first["expected"] == pytest.approx(first["running"] + first["to_healthy"], abs=2e-4)
    assert first["to_healthy"] == pytest.approx(first["boot"] + first["download"] + first["failures"], abs=2e-4)
    assert first["month"] == pytest.approx(30 * first["expected"], abs=0.02)
    assert first["always_on"] == pytest.approx(720 * first["dph"] + first["to_healthy"], abs=0.02)
    assert first["stages"]["total"]["p50"] < first["stages"]["total"]["expected"] < first["stages"]["total"]["p95"]
    assert listed["denied"] == [
        {"machine_id": "1003", "until": 2e9, "reason": FAILED.reason, "host_id": "7", "evidence": FAILED.evidence}
    ]


def test_a_machine_that_always_failed_is_shown_within_the_columns_too() -> None:
    bad = learn(Launched("1001", "7", 1.0, healthy=False) for _ in range(64))
    dear = replace(UP, plan_hours=720.0, criteria=replace(UP.criteria, max_dph=1000.0))
    (ranked,) = choose([offer(1, dph_total=999.0, reliability=0.98)], dear, learned=bad).ranked
    assert all(len(line) <= 80 for line in offer_lines(ranked, 720.0, Interval(99_999.0, 999_999.0, 1.0)))
    assert not any("between" in line for line in offer_lines(ranked, 720.0, None))
