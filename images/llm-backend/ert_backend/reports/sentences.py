"""Sentences by code: writes a section from the figures alone, with losses named as such and gaps omitted. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ert_backend.grounding.derive import find
from ert_backend.grounding.figures import Figures
from ert_backend.grounding.sector import Kind
from ert_backend.reports.pen import Pen
from ert_backend.reports.prose import Traced

NOTHING = "The data supplied with the request does not cover this section."
# Measures of other kinds of companies, if supplied.
MEASURES = (
    ("netInterestIncome", "Net interest income is {}"),
    ("premiumsEarned", "Premiums earned are {}"),
    ("fundsFromOperations", "Funds from operations are {}"),
)


def sentences(section: str, figures: Figures, company: str) -> list[Traced]:
    """Return the sentences for a section, or one that states that the data does not cover it."""
    pen = Pen(figures, company)
    WRITERS[section](pen)
    return pen.written or [Traced(NOTHING, " ", (), by="code")]


def _summary(pen: Pen) -> None:
    industry, sector = pen.text("industry"), pen.text("sector")
    places = [industry and f"the {industry} industry", sector and f"the {sector} sector"]
    where = " of ".join(place for place in places if place)
    pen.say(where and f"{pen.company} works in {where}")
    _earned(pen)
    if pen.has("currentPrice"):
        worth = pen.has("marketCap") and f", at a market value of {pen.n('marketCap')}"
        pen.say(f"The share price is {pen.n('currentPrice')}", worth)
    else:
        pen.say(pen.has("marketCap") and f"The market value is {pen.n('marketCap')}")
    _of_earnings(pen, "Trailing earnings are valued at {}")
    _two_currencies(pen)
    _runway(pen)


def _earned(pen: Pen) -> None:
    """Write revenue and net income in one sentence, or the one that is supplied."""
    loss = pen.below_zero("netIncomeToCommon")
    made = pen.has("netIncomeToCommon") and (
        f"made a net loss of {pen.size('netIncomeToCommon')}" if loss else f"net income of {pen.n('netIncomeToCommon')}"
    )
    earned = made if loss or not made else f"earned {made}"
    if not pen.has("totalRevenue"):
        pen.say(earned and f"It {earned}")
    elif pen.value("totalRevenue") == 0:
        pen.say("It has no revenue yet", earned and f" and {earned}")
    else:
        pen.say(f"It earned revenue of {pen.n('totalRevenue')}", made and f" and {made}")


def _of_earnings(pen: Pen, words: str) -> None:
    """Write the multiple of earnings, or that it is not meaningful without earnings."""
    name = "trailingPE" if pen.has("trailingPE") else "priceToEarnings"
    loss = pen.below_zero("netIncomeToCommon") or pen.below_zero("trailingEps")
    if pen.has(name):
        pen.say(words.format(pen.n(name)))
    elif loss or pen.senseless("trailingPE", "priceToEarnings"):
        pen.say("A multiple of earnings is not meaningful (n.m.)", loss and ", because the company makes a loss")


def _two_currencies(pen: Pen) -> None:
    rules = pen.figures.uncomputed
    facts = [fact for rule in rules for name in (rule.left, rule.right) if (fact := find(pen.facts, name))]
    codes = sorted({fact.currency for fact in facts if fact.currency})
    if len(codes) > 1:
        named = f"Price and statements are in two currencies, {' and '.join(codes)}, and no exchange rate was supplied"
        pen.say(named, ": no ratio is computed across them")
    elif rules:
        pen.say("The currencies of price and statements are not both known, so no ratio is computed across them")


def _runway(pen: Pen) -> None:
    """Write how long the cash lasts, for a company whose operations use cash."""
    name = "cashRunway" if pen.has("cashRunway") else "operatingRunway"
    if pen.has(name) and pen.has("totalCash"):
        pen.say(f"At the last year's use of cash, cash of {pen.n('totalCash')} lasts for about {pen.n(name)} years")


def _analysis(pen: Pen) -> None:
    grown = "less" if pen.below_zero("revenueGrowth") else "more"
    if pen.value("totalRevenue") == 0:
        pen.say("The company has no revenue yet")
    elif pen.has("totalRevenue"):
        change = pen.has("revenueGrowth") and f", {pen.size('revenueGrowth')} {grown} than a year before"
        pen.say(f"Revenue is {pen.n('totalRevenue')}", change)
    else:
        pen.say(pen.has("revenueGrowth") and f"Revenue is {pen.size('revenueGrowth')} {grown} than a year before")
    for name, words in MEASURES:
        pen.say(pen.has(name) and words.format(pen.n(name)))
    _operations(pen)
    _income(pen)
    _returns(pen)
    if pen.has("freeCashflow"):
        pen.say("Free cash flow is ", pen.below_zero("freeCashflow") and "negative at ", pen.n("freeCashflow"))
    _balance(pen)
    _runway(pen)


def _operations(pen: Pen) -> None:
    what = "loss" if pen.below_zero("operatingIncome") else "income"
    operating = pen.has("operatingIncome") and f"{what} {pen.size('operatingIncome')}"
    if pen.below_zero("grossProfits"):
        pen.say(f"The gross loss is {pen.size('grossProfits')}", operating and f", the operating {operating}")
    elif pen.has("grossProfits"):
        pen.say(f"Gross profit is {pen.n('grossProfits')}", operating and f", operating {operating}")
    else:
        pen.say(pen.has("operatingIncome") and f"The operating {what} is {pen.size('operatingIncome')}")


def _income(pen: Pen) -> None:
    margin = "profitMargins" if pen.has("profitMargins") else "netMargin"
    if pen.below_zero("netIncomeToCommon"):
        share = pen.below_zero(margin) and f", a net margin of {pen.n(margin)}"
        pen.say(f"The net loss is {pen.size('netIncomeToCommon')}", share)
    elif pen.has("netIncomeToCommon"):
        share = pen.has(margin) and f", a net margin of {pen.n(margin)}"
        pen.say(f"Net income is {pen.n('netIncomeToCommon')}", share)
    else:
        pen.say(pen.has(margin) and f"The net margin is {pen.n(margin)}")


def _returns(pen: Pen) -> None:
    if pen.below_zero("stockholdersEquity"):
        pen.say(
            f"Shareholders' equity is negative at {pen.n('stockholdersEquity')}",
            ": a return on it and a ratio of debt to it are not meaningful (n.m.)",
        )
    assets = pen.has("returnOnAssets") and pen.n("returnOnAssets")
    if pen.has("returnOnEquity"):
        pen.say(f"Return on equity is {pen.n('returnOnEquity')}", assets and f" and return on assets {assets}")
    else:
        pen.say(assets and f"Return on assets is {assets}")


def _balance(pen: Pen) -> None:
    debt, cash, net = pen.value("totalDebt"), pen.value("totalCash"), pen.value("netDebt")
    if pen.figures.kind is not Kind.OTHER:
        pen.say(pen.has("totalAssets") and f"Total assets are {pen.n('totalAssets')}")
    elif debt == 0:
        pen.say("The company has no debt", bool(cash) and f" and cash of {pen.n('totalCash')}")
    elif debt and cash and net and net > 0:
        pen.say(f"Debt of {pen.n('totalDebt')} exceeds cash of {pen.n('totalCash')} by {pen.n('netDebt')}")
    elif debt and cash and net:
        pen.say(f"Cash of {pen.n('totalCash')} exceeds debt of {pen.n('totalDebt')} by {pen.size('netDebt')}")
    else:
        pen.say(bool(debt) and f"Debt is {pen.n('totalDebt')}")
        pen.say(bool(cash) and f"Cash is {pen.n('totalCash')}")
    cover = pen.has("currentRatio") and f"urrent assets cover current liabilities {pen.n('currentRatio')}"
    if pen.has("debtToEquity"):
        pen.say(f"Debt to equity stands at {pen.n('debtToEquity')}", cover and f"; c{cover}")
    else:
        pen.say(cover and f"C{cover}")


def _thesis(pen: Pen) -> None:
    margin = "operatingMargins" if pen.has("operatingMargins") else "operatingMargin"
    if pen.below_zero(margin):
        pen.say(f"The operating margin is negative at {pen.n(margin)}, so the case needs a way to profit")
    else:
        pen.say(pen.has(margin) and f"The case rests on an operating margin of {pen.n(margin)}")
    if pen.value("totalRevenue") == 0:
        pen.say("The company has no revenue yet, so the case rests on what its products may earn")
    if (pen.value("returnOnEquity") or 0) > 0:
        pen.say(f"Return on equity of {pen.n('returnOnEquity')} shows what the capital earns")
    if pen.below_zero("freeCashflow"):
        pen.say(f"Free cash flow is negative at {pen.n('freeCashflow')} and has to be financed")
    else:
        pen.say(pen.has("freeCashflow") and f"Free cash flow of {pen.n('freeCashflow')} can be paid out or invested")
    if pen.below_zero("revenueGrowth"):
        pen.say(f"Revenue fell by {pen.size('revenueGrowth')}, and the case needs that to end")
    else:
        pen.say(pen.has("revenueGrowth") and f"Revenue growth of {pen.n('revenueGrowth')} has to continue")


def _valuation(pen: Pen) -> None:
    forward = pen.has("forwardPE") and f"{pen.n('forwardPE')} forward earnings"
    if pen.has("trailingPE"):
        pen.say(f"The share trades at {pen.n('trailingPE')} trailing", f" and {forward}" if forward else " earnings")
    else:
        pen.say(forward and f"The share trades at {forward}")
        _of_earnings(pen, "Price to earnings is {}")
    multiple = "enterpriseToEbitda" if pen.has("enterpriseToEbitda") else "evToEbitda"
    ebitda = pen.has(multiple) and f"{pen.n(multiple)} EBITDA"
    if pen.has("enterpriseValue"):
        pen.say(f"Enterprise value is {pen.n('enterpriseValue')}", ebitda and f", or {ebitda}")
    else:
        pen.say(ebitda and f"Enterprise value is {ebitda}")
    pen.say(pen.has("priceToBook") and f"The market pays {pen.n('priceToBook')} book value")
    _target(pen)
    pen.say(pen.has("dividendYield") and f"The dividend yield is {pen.n('dividendYield')}")
    _two_currencies(pen)


def _target(pen: Pen) -> None:
    """Write the target next to the price; above or below follows from the figures."""
    if not pen.has("targetMeanPrice"):
        return
    change = pen.value("impliedUpside")
    side = "below" if pen.below_zero("impliedUpside") else "above"
    words = f", {pen.size('impliedUpside')} {side} the share price" if change else ", the same as the share price"
    pen.say(f"The mean analyst target is {pen.n('targetMeanPrice')}", change is not None and words)


def _risks(pen: Pen) -> None:
    pen.say(pen.has("beta") and f"The share moves with a beta of {pen.n('beta')} against the market")
    if pen.below_zero("netIncomeToCommon"):
        pen.say(f"The company makes a net loss, {pen.size('netIncomeToCommon')} in its last statement")
    if pen.below_zero("stockholdersEquity"):
        pen.say(f"Liabilities exceed assets: shareholders' equity is negative at {pen.n('stockholdersEquity')}")
    pen.say(pen.has("debtToEquity") and f"Debt to equity of {pen.n('debtToEquity')} sets the financial risk")
    if pen.has("currentRatio"):
        pen.say(f"A current ratio of {pen.n('currentRatio')} limits how far short-term obligations are covered")
    if pen.has("trailingPE"):
        pen.say(f"At {pen.n('trailingPE')} trailing earnings a disappointment would weigh on the price")
    if pen.below_zero("belowHigh"):
        pen.say(f"The share price is {pen.size('belowHigh')} below its 52-week high")
    _runway(pen)


WRITERS: Mapping[str, Callable[[Pen], None]] = {
    "executive_summary": _summary,
    "financial_analysis": _analysis,
    "investment_thesis": _thesis,
    "valuation_analysis": _valuation,
    "risk_analysis": _risks,
}
