"""SEC client: ticker list, rate limits, failures, and the cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ert_dashboard.base.clock import Clock, SystemClock
from ert_dashboard.market.cache import Shelf
from ert_dashboard.market.edgar import Edgar
from ert_dashboard.market.edgar_market import EdgarMarket
from ert_dashboard.market.model import SourceAway
from ert_dashboard.storage.store import FileStore
from tests.support.dashboard.filed_facts import plain_company
from tests.support.dashboard.following import until
from tests.support.dashboard.manual_clock import WoundClock
from tests.support.doubles.edgar import EdgarDouble

Open = Callable[..., EdgarMarket]
DAY = 24 * 3600


@pytest.fixture
def sec() -> Iterator[EdgarDouble]:
    double = EdgarDouble()
    double.list_company(320, "ACME", "Acme Inc.", plain_company())
    double.list_company(1067, "BRK-B", "Berkshire (invented)", plain_company())
    double.list_company(77, "EMPTY", "Files nothing", {})
    del double.paths["/api/xbrl/companyfacts/CIK0000000077.json"]
    yield double
    double.close()


@pytest.fixture
def market(sec: EdgarDouble, tmp_path: Path) -> Iterator[Open]:
    opened: list[tuple[Edgar, FileStore]] = []

    def begin(
        clock: Clock | None = None, agent: str = "Example Ltd ops@example.com", total_s: float = 5
    ) -> EdgarMarket:
        clock = clock or PatientClock()
        edgar = Edgar(agent, clock, files_url=sec.url, data_url=sec.url, total_s=total_s)
        store = FileStore(tmp_path / "reports.sqlite3")
        opened.append((edgar, store))
        return EdgarMarket(edgar, Shelf(store.fetched, clock))

    yield begin
    for thread in threading.enumerate():
        if thread.name == "renew":
            thread.join(10)
    for edgar, store in opened:
        edgar.close()
        store.close()


class PatientClock(WoundClock):
    """Clock that advances 0.1 s with every reading, so that no request waits for the rate limit."""

    def monotonic(self) -> float:
        self.now += 0.1
        return self.now


def test_a_company_is_looked_up_once_and_kept_over_a_restart(sec: EdgarDouble, market: Open) -> None:
    clock = PatientClock()
    first = market(clock).find("ACME")
    assert first is not None
    assert (first.name, first.facts["totalRevenue"].value) == ("Acme Inc.", 1000)
    assert first.label().startswith("SEC filings, as of 2025-12-31: Acme Inc., Form 10-K")
    assert len(sec.asked) == 3
    assert market(clock).find("ACME") == first
    assert len(sec.asked) == 3


def test_share_classes_unknown_tickers_and_companies_without_figures(sec: EdgarDouble, market: Open) -> None:
    found = market()
    brk = found.find("BRK.B")
    assert brk is not None
    assert brk.ticker == "BRK-B"
    assert found.find("NOPE") is None
    assert found.find("0700.HK") is None
    assert found.find("EMPTY") is None
    assert found.find("EMPTY") is None
    assert sec.asked.count("/api/xbrl/companyfacts/CIK0000000077.json") == 1


def test_a_search_asks_nobody(sec: EdgarDouble, market: Open) -> None:
    found = market()
    assert found.search("acme") == []
    assert sec.asked == []
    found.find("ACME")
    assert [entry.ticker for entry in found.search("acme")] == ["ACME"]
    assert [entry.ticker for entry in found.search("brk.b")] == ["BRK-B"]
    assert found.search("") == []


def test_an_old_copy_is_shown_marked_and_renewed_behind_the_scenes(sec: EdgarDouble, market: Open) -> None:
    clock = PatientClock()
    market(clock).find("ACME")
    clock.go(2 * DAY)
    later = market(clock)
    rows = sec.paths["/api/xbrl/companyfacts/CIK0000000320.json"]["facts"]["us-gaap"]["Revenues"]["units"]["USD"]
    rows[-1]["val"] = 1001.0
    stale = later.find("ACME")
    assert stale is not None
    assert stale.facts["totalRevenue"].value == 1000
    assert "last updated 2027-01-15" in stale.label()

    def renewed() -> bool:
        now = later.find("ACME")
        return now is not None and now.facts["totalRevenue"].value == 1001

    until(renewed)


def test_an_old_copy_outlives_a_bad_day(sec: EdgarDouble, market: Open) -> None:
    clock = PatientClock()
    market(clock).find("ACME")
    clock.go(30 * DAY)
    sec.refusal = (503, {})
    stale = market(clock).find("ACME")
    assert stale is not None
    assert "last updated" in stale.label()


@pytest.mark.parametrize(
    ("refusal", "says", "after"),
    [
        ((429, {"Retry-After": "120"}), "too many requests", 120),
        ((429, {}), "too many requests", 600),
        ((429, {"Retry-After": "soon"}), "too many requests", 600),
        ((403, {}), "ERT_SEC_USER_AGENT", 600),
        ((500, {}), "HTTP 500", 30),
        ((301, {"Location": "https://elsewhere.example/"}), "HTTP 301", 30),
    ],
)
def test_a_refusal_says_when_to_come_again(
    sec: EdgarDouble, market: Open, refusal: tuple[int, dict[str, str]], says: str, after: float
) -> None:
    sec.refusal = refusal
    with pytest.raises(SourceAway, match=says) as away:
        market().find("ACME")
    assert away.value.after == after


def test_who_was_shut_out_does_not_knock(sec: EdgarDouble, market: Open) -> None:
    clock = WoundClock()
    found = market(clock)
    sec.refusal = (429, {"Retry-After": "120"})
    for _ in range(5):
        with pytest.raises(SourceAway):
            found.find("ACME")
    assert len(sec.asked) == 1
    sec.refusal = None
    clock.go(121)
    with pytest.raises(SourceAway, match="queued"):  # the real deadline is shorter than the wait for the rate limit
        market(clock, total_s=0.05).find("ACME")


def test_without_a_name_the_sec_refuses(market: Open) -> None:
    with pytest.raises(SourceAway, match="ERT_SEC_USER_AGENT"):
        market(agent="python").find("ACME")


def test_a_cut_answer_is_not_kept(sec: EdgarDouble, market: Open) -> None:
    sec.cut = True
    found = market()
    with pytest.raises(SourceAway, match="was truncated"):
        found.find("ACME")
    sec.cut = False
    assert found.find("ACME") is not None


def test_a_trickle_meets_the_wall_clock(sec: EdgarDouble, market: Open) -> None:
    sec.trickle = True
    with pytest.raises(SourceAway, match="too slowly"):
        market(SystemClock(), total_s=0.3).find("ACME")


def test_nobody_there(sec: EdgarDouble, tmp_path: Path) -> None:
    edgar = Edgar(
        "Example ops@example.com", SystemClock(), files_url="http://127.0.0.1:9", data_url="http://127.0.0.1:9"
    )
    with pytest.raises(SourceAway, match="is not responding"):
        edgar.tickers()
    edgar.close()


def test_ten_requests_a_second_and_no_more(sec: EdgarDouble) -> None:
    clock = SystemClock()
    edgar = Edgar("Example ops@example.com", clock, files_url=sec.url, data_url=sec.url)
    began = clock.monotonic()
    threads = [threading.Thread(target=edgar.tickers) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.monotonic() - began >= 1.09
    assert len(sec.asked) == 12
    edgar.close()


def test_many_who_ask_at_once_cost_one_look_up(sec: EdgarDouble, market: Open) -> None:
    found = market(SystemClock())
    threads = [threading.Thread(target=found.find, args=("ACME",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sec.asked) == 3
