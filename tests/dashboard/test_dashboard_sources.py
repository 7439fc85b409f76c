"""Market data sources: operator files, data in the request, Yahoo if installed, and unavailable sources."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.base.env import BadSetting
from ert_dashboard.market.cache import Shelf
from ert_dashboard.market.company_file import BadCompany, read_company
from ert_dashboard.market.model import Company, Listing, SourceAway, report_request
from ert_dashboard.market.sources_chain import Chain, samples
from ert_dashboard.market.yahoo import YahooMarket
from ert_dashboard.market.yahoo import _read as yahoo_document
from ert_dashboard.settings import read_settings
from ert_dashboard.storage.store import FileStore
from ert_dashboard.web.app import Dashboard, create_dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import ask, ended
from tests.support.dashboard.manual_clock import WoundClock

Start = Callable[[dict[str, str]], Dashboard]
ACME: dict[str, Any] = {
    "ticker": "0700.HK",
    "company": {"longName": "Acme Handel (invented)"},
    "filing": {"description": "own bookkeeping", "period_end": "2025-06-30", "currency": "HKD"},
    "financial": {
        "totalRevenue": 1200,
        "netIncomeToCommon": -12.5,
        "totalAssets": {"value": None, "as_of": "2025-05-31", "source": "not audited yet"},
    },
}


def changed(**fields: Any) -> dict[str, Any]:
    return {**ACME, **fields}


def test_a_short_form_is_enough_and_every_figure_has_source_and_date() -> None:
    company = read_company(ACME, "mine")
    assert company.label() == "mine, as of 2025-06-30: own bookkeeping"
    assert (company.facts["totalRevenue"].source, company.facts["totalRevenue"].as_of) == (
        "own bookkeeping",
        "2025-06-30",
    )
    assert (company.facts["totalAssets"].source, company.facts["totalAssets"].as_of) == (
        "not audited yet",
        "2025-05-31",
    )
    assert company.facts["profitMargins"].value == pytest.approx(-0.010417)
    assert report_request(company)["market_data"]["data_label"] == "mine"
    assert report_request(company)["financial_data"]["financialCurrency"] == "HKD"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "the document: not an object"),
        (changed(ticker="../x"), "ticker"),
        (changed(filing={**ACME["filing"], "currency": "dollars"}), "currency"),
        (changed(filing={**ACME["filing"], "period_end": "last year"}), "filing/period_end: not a date"),
        (changed(financial={"totalRevenue": "1200"}), "financial/totalRevenue: not a number"),
        (changed(financial={"totalRevenue": True}), "financial/totalRevenue: not a number"),
        (changed(financial={"totalRevenue": 1e300}), "financial/totalRevenue: not a number"),
        (changed(financial={"<script>": 1}), "not a name of a figure"),
        (changed(financial={f"a{at}": 1 for at in range(500)}), "more than 200"),
        (changed(company={"longName": "x" * 9000}), "company/longName: not a text"),
        (changed(company={"longName": None}), "company/longName"),
    ],
)
def test_what_is_wrong_with_a_document_is_named(document: Any, says: str) -> None:
    with pytest.raises(BadCompany, match=says):
        read_company(document, "mine")


def test_both_currencies_and_where_each_figure_comes_from_go_to_the_backend() -> None:
    filed = {"value": 5.0, "source": "Companies House", "filing": "accounts 2025", "link": "https://example.com/a"}
    document = changed(
        filing={**ACME["filing"], "currency": "GBP", "url": "https://example.com/all"},
        quote={"currency": "GBp"},
        financial={"totalRevenue": 1200, "currentPrice": 2781.0, "ebitda": filed, "stockholdersEquity": -5},
    )
    asked = report_request(read_company(document, "mine"))
    figures = asked["financial_data"]
    assert (figures["currency"], figures["financialCurrency"], figures["currentPrice"]) == ("GBp", "GBP", 2781.0)
    assert figures["stockholdersEquity"] == -5, "a negative equity has to be known"
    known = asked["market_data"]["provenance"]
    assert known["ebitda"] == {**{k: v for k, v in filed.items() if k != "value"}, "as_of": "2025-06-30"}
    assert known["totalRevenue"]["link"] == "https://example.com/all", "the filing's own page"


def test_a_company_needs_one_currency_at_least() -> None:
    without = {name: value for name, value in ACME["filing"].items() if name != "currency"}
    company = read_company(changed(filing=without, quote={"currency": "ILA"}), "mine")
    assert (company.currency, company.quote_currency) == (None, "ILA")
    with pytest.raises(BadCompany, match="filing/currency"):
        read_company(changed(filing=without), "mine")
    with pytest.raises(BadCompany, match="quote/currency: not a currency such as USD, or GBp"):
        read_company(changed(quote={"currency": "pence"}), "mine")


def test_own_files_come_before_the_samples(
    environ: dict[str, str], start: Start, tmp_path: Path, backend: FakeBackend
) -> None:
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "tencent.json").write_text(json.dumps(ACME))
    (folder / "apple.json").write_text(json.dumps(changed(ticker="AAPL")))
    client = start({**environ, "ERT_MARKET_DATA_DIR": str(folder)}).app.test_client()
    assert ended(client, ask(client, "0700.hk"))["data_label"].startswith("the operator's own data, as of 2025-06-30")
    assert ended(client, ask(client, "AAPL"))["company"] == "Acme Handel (invented)"
    assert ended(client, ask(client, "MSFT"))["data_label"].startswith("sample data")
    health: Any = client.get("/health").json
    assert health["features"]["market_data"] == "the operator's own data, sample data"
    assert backend.posts()[0].body["market_data"]["provenance"]["totalRevenue"]["source"] == "own bookkeeping"


@pytest.mark.parametrize("content", ["{", "[]", json.dumps(changed(financial={"totalRevenue": "x"})), '{"a": NaN}'])
def test_a_file_that_cannot_be_used_stops_the_start_and_is_named(
    environ: dict[str, str], tmp_path: Path, content: str
) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(BadSetting, match=r"ERT_MARKET_DATA_DIR: bad\.json"):
        create_dashboard(read_settings({**environ, "ERT_MARKET_DATA_DIR": str(tmp_path)}))


def test_figures_may_come_with_the_request(client: Any, backend: FakeBackend) -> None:
    answer = client.post("/api/generate", json={"ticker": "0700.HK", "data": ACME})
    assert (answer.status_code, answer.json["note"][:19]) == (200, "data of the request")
    assert ended(client, answer.json["report_id"])["status"] == "completed"
    assert backend.posts()[0].body["financial_data"]["totalRevenue"] == 1200


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (changed(ticker="AAPL"), "another ticker"),
        (changed(financial=[]), "financial: not an object"),
        (None, "document"),
    ],
)
def test_bad_figures_with_the_request_are_refused_by_name(client: Any, data: Any, says: str) -> None:
    answer = client.post("/api/generate", json={"ticker": "0700.HK", "data": data})
    assert (answer.status_code, says in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("ticker", ["BRK.B", "brk-b", "0700.HK", "^GSPC", "ES=F", "RDS.A"])
def test_a_ticker_that_is_one_is_never_refused_for_its_shape(client: Any, ticker: str) -> None:
    answer = client.post("/api/generate", json={"ticker": ticker})
    assert answer.status_code == (400 if ticker.startswith("^") else 200 if ticker.lower().startswith("brk") else 404)


def test_a_hostile_ticker_is_told_what_one_looks_like(client: Any) -> None:
    for hostile in ("<script>", "A'; DROP TABLE reports", "..\\..", "A" * 65, "\u202eLPAA"):
        answer = client.post("/api/generate", json={"ticker": hostile})
        assert (answer.status_code, "such as AAPL, BRK.B or 0700.HK" in answer.json["error"]) == (400, True)
        assert hostile not in answer.text


class AwayMarket:
    """Source that is always unavailable."""

    kind = "away"

    def find(self, ticker: str) -> Company | None:
        raise SourceAway("the source does not answer now", 12.5)

    def search(self, text: str) -> list[Listing]:
        return []

    def known(self) -> list[str]:
        return []


def test_a_source_that_is_away_is_said_and_not_replaced_by_older_figures(environ: dict[str, str]) -> None:
    dashboard = create_dashboard(read_settings(environ), market=Chain([AwayMarket(), samples()]))
    try:
        client = dashboard.app.test_client()
        answer: Any = client.post("/api/generate", json={"ticker": "AAPL"})
        assert (answer.status_code, answer.json["error"]) == (503, "the source does not answer now")
        assert answer.headers["Retry-After"] == "13"
        prices: Any = client.post("/api/watchlist_prices", json={"tickers": ["AAPL"]})
        assert (prices.status_code, prices.json["unknown"]) == (200, ["AAPL"])
    finally:
        dashboard.close()


@pytest.mark.parametrize("agent", ["Example Ltd", "a\nb@example.com", "x@y" * 100])
def test_the_sec_is_asked_only_in_a_name(environ: dict[str, str], agent: str) -> None:
    assert read_settings(environ).sources.sec_user_agent is None
    with pytest.raises(BadSetting, match="ERT_SEC_USER_AGENT"):
        read_settings({**environ, "ERT_SEC_USER_AGENT": agent})


@pytest.fixture
def yfinance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install a fake `yfinance` with the parts that are used."""
    folder = tmp_path / "site"
    folder.mkdir()
    source = folder / "yfinance.py"
    source.write_text(
        "class YFRateLimitError(Exception): pass\n"
        "class Ticker:\n"
        "    def __init__(self, symbol): self.symbol = symbol\n"
        "    @property\n"
        "    def info(self):\n"
        "        if self.symbol == 'LIMIT': raise YFRateLimitError('Too Many Requests')\n"
        "        if self.symbol not in ('AAPL', 'BRK-B', '0700.HK'): return {'trailingPegRatio': None}\n"
        "        return {'longName': 'A', 'currency': 'USD', 'currentPrice': 12.5, 'beta': float('nan')}\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    yield source
    sys.modules.pop("yfinance", None)


def test_yahoo_is_refused_clearly_without_its_package(environ: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match="pip install yfinance"):
        read_settings({**environ, "ERT_MARKET_YAHOO": "true"})


def test_yahoo_answers_through_its_package_and_late(environ: dict[str, str], yfinance: Path, tmp_path: Path) -> None:
    assert read_settings({**environ, "ERT_MARKET_YAHOO": "true"}).sources.yahoo
    assert "yfinance" not in sys.modules
    store = FileStore(tmp_path / "kept.sqlite3")
    clock = WoundClock()
    market = YahooMarket(Shelf(store.fetched, clock), clock)
    try:
        for ticker in ("AAPL", "BRK.B", "0700.HK"):
            company = market.find(ticker)
            assert company is not None
            assert (company.ticker, company.facts["currentPrice"].value) == (ticker, 12.5)
            assert company.facts["currentPrice"].source == "Yahoo Finance"
            assert company.facts["beta"].value is None
        assert market.find("NOPE") is None
        with pytest.raises(SourceAway, match="YFRateLimitError"):
            market.find("LIMIT")
    finally:
        store.close()


@pytest.mark.parametrize(
    ("info", "quoted", "filed"),
    [
        ({"currency": "GBp", "financialCurrency": "USD"}, "GBp", "USD"),
        ({"currency": "GBp", "financialCurrency": "GBP"}, "GBp", "GBP"),
        ({"currency": "ILA", "financialCurrency": "ILS"}, "ILA", "ILS"),
        ({"currency": "USD", "financialCurrency": "TWD"}, "USD", "TWD"),
        ({"currency": "JPY"}, "JPY", None),
        ({"financialCurrency": "EUR"}, None, "EUR"),
    ],
)
def test_yahoo_s_two_currencies_are_kept_as_it_writes_them(
    info: dict[str, str], quoted: str | None, filed: str | None
) -> None:
    document = yahoo_document("VOD.L", {"longName": "A", "currentPrice": 75.2, **info}, "2025-01-02T00:00:00Z")
    assert document is not None
    asked = report_request(read_company(document, "Yahoo Finance"))["financial_data"]
    assert (asked["currency"], asked["financialCurrency"]) == (quoted, filed)


def test_yahoo_s_answer_without_any_currency_is_no_company() -> None:
    assert yahoo_document("X", {"longName": "A", "currency": "pence"}, "2025-01-02T00:00:00Z") is None


def test_the_fictional_company_has_every_edge() -> None:
    company = samples().find("ZZZT")
    assert company is not None
    figures = {name: fact.value for name, fact in company.facts.items()}
    known = [value for value in figures.values() if value is not None]
    assert company.fictional
    assert (figures["stockholdersEquity"] or 0) < 0
    assert None in figures.values()
    assert max(known) > 1e14
    assert 0 < min(abs(value) for value in known if value) < 1e-4
    assert company.currency != "USD"
    assert not company.as_of.endswith("12-31")
    assert all(fact.source and fact.as_of for fact in company.facts.values())
