"""True sentences in a natural style, filled with the figures of the bundled companies in many formats. Templates only.

`{id:notation}` is the figure `id`; a sentence is omitted for a company that lacks one of its figures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from benchmarks.grounding.companies import Subject
from benchmarks.grounding.plants import in_words

NOTATIONS: dict[str, Callable[[float], str]] = {
    "b1": lambda v: f"${v / 1e9:,.1f} billion",
    "b2": lambda v: f"${v / 1e9:,.2f} billion",
    "b0": lambda v: f"${v / 1e9:,.0f} billion",
    "B": lambda v: f"${v / 1e9:,.1f}B",
    "bn": lambda v: f"${v / 1e9:,.1f}bn",
    "us": lambda v: f"US${v / 1e9:,.2f} billion",
    "usd": lambda v: f"USD {v / 1e9:,.1f} billion",
    "words": lambda v: f"{v / 1e9:,.1f} billion dollars",
    "m": lambda v: f"${v / 1e6:,.0f} million",
    "full": lambda v: f"${v:,.0f}",
    "t": lambda v: f"${v / 1e12:,.2f} trillion",
    "about": lambda v: f"about ${round(v / 1e9, -1):,.0f} billion" if v > 1e11 else f"about ${v / 1e9:,.0f} billion",
    "p1": lambda v: f"{v * 100:.1f}%",
    "p2": lambda v: f"{v * 100:.2f}%",
    "p0": lambda v: f"{v * 100:.0f}%",
    "pc": lambda v: f"{v * 100:.1f} percent",
    "pp": lambda v: f"{v * 100:.1f} per cent",
    "bps": lambda v: f"{v * 10000:,.0f} basis points",
    "abs": lambda v: f"{abs(v) * 100:.1f}%",
    "say": lambda v: f"{in_words(round(v * 100))} percent" if 0.195 < v < 0.985 else f"{v * 100:.0f} percent",
    "d1": lambda v: f"{v:.1f}%",
    "x": lambda v: f"{v:.2f}x",
    "times": lambda v: f"{v:.2f} times",
    "over": lambda v: f"{v / 100:.2f}",
    "eps": lambda v: f"${v:.2f}",
    "n": lambda v: f"{v:.2f}",
    "sh": lambda v: f"{v / 1e9:,.2f} billion",
}

TEMPLATES = (
    "Revenue came to {totalRevenue:b1}.",
    "Revenue for the fiscal year was {totalRevenue:b2}, and net income was {netIncomeToCommon:b2}.",
    "The company generated {totalRevenue:B} in sales and turned {netIncomeToCommon:B} of it into net profit.",
    "Net sales of {totalRevenue:words} make it one of the largest firms in its field.",
    "On a top line of {totalRevenue:us}, operating income reached {operatingIncome:us}.",
    "Total revenue amounted to {totalRevenue:full}.",
    "Revenue, at {totalRevenue:bn}, dwarfs that of most rivals.",
    "Annual turnover stands at {totalRevenue:m}.",
    "It posted revenue of {totalRevenue:about}.",
    "With {totalRevenue:b0} in revenue and {netIncomeToCommon:b0} in net income, the company is highly profitable.",
    "Revenue and net income were {totalRevenue:b1} and {netIncomeToCommon:b1}, respectively.",
    "Revenue, operating income and net income were {totalRevenue:B}, {operatingIncome:B} and {netIncomeToCommon:B}.",
    "Operating income ({operatingIncome:b1}) covers the cost of debt many times over.",
    "Operating profit was {operatingIncome:usd}.",
    "EBIT of {operatingIncome:b1} on sales of {totalRevenue:b1} gives an operating margin of {operatingMargins:p1}.",
    "Gross profit reached {grossProfits:b1}, a gross margin of {grossMargins:p1}.",
    "A gross margin of {grossMargins:pc} points to pricing power.",
    "Gross margin stands at {grossMargins:p2} and operating margin at {operatingMargins:p2}.",
    "The operating margin is {operatingMargins:p0}, the net margin {profitMargins:p0}.",
    "The business keeps {profitMargins:p1} of revenue as net income.",
    "A net margin of {profitMargins:pp} is high for the industry.",
    "Net margin is roughly {profitMargins:say}.",
    "Net profit margin: {profitMargins:p1}",
    "- **Gross margin**: {grossMargins:p1}",
    "1. Revenue of {totalRevenue:b1} shows the scale of the business.",
    "2) Net income of {netIncomeToCommon:B} leaves room for dividends.",
    "Margins are wide: {grossMargins:p1} gross, {operatingMargins:p1} operating and {profitMargins:p1} net.",
    "Return on equity is {returnOnEquity:p1}, while return on assets is {returnOnAssets:p1}.",
    "ROE of {returnOnEquity:p0} and ROA of {returnOnAssets:p0} both exceed the cost of capital.",
    "Free cash flow was {freeCashflow:b1}.",
    "FCF of {freeCashflow:bn} funds buybacks.",
    "Cash flow from operations came to {operatingCashflow:b2}.",
    "Free cash flow of {freeCashflow:b1} is {freeCashflowMargin:p1} of revenue.",
    "Total assets are {totalAssets:b1} against total liabilities of {totalLiabilities:b1}.",
    "The balance sheet shows {totalAssets:b2} in total assets.",
    "Liabilities of {totalLiabilities:b0} weigh on the balance sheet.",
    "Total debt stands at {totalDebt:b1}.",
    "Debt of {totalDebt:bn} equals {debtToAssets:p1} of total assets.",
    "Debt to equity is {debtToEquity:d1}.",
    "The debt-to-equity ratio of {debtToEquity:over} is worth watching.",
    "The current ratio of {currentRatio:x} shows how short-term obligations are covered.",
    "Current assets cover current liabilities {currentRatio:times}.",
    "With a current ratio of {currentRatio:n}, liquidity is adequate.",
    "Earnings per share were {trailingEps:eps}.",
    "Diluted EPS came in at {trailingEps:eps}.",
    "There are {sharesOutstanding:sh} shares outstanding.",
    "In fiscal {year}, revenue was {totalRevenue:b1}.",
    "Revenue was {totalRevenue:b1} in fiscal year {year}.",
    "For FY{year} the company reported net income of {netIncomeToCommon:b2}.",
    "As of {date}, total assets were {totalAssets:b1}.",
    "The filing for {year} shows an operating margin of {operatingMargins:p1}.",
    "In {year} the gross margin was {grossMargins:p1} and the net margin {profitMargins:p1}.",
    "Revenue growth was {revenueGrowth:p1}.",
    "Earnings growth of {earningsGrowth:p1} sets the tone.",
    "The change in revenue was {revenueGrowth:bps}.",
    "Cash conversion, free cash flow over net income, is {cashConversion:p1}.",
    "The first thing to note is that the company has two main segments and three regions.",
    "One of the main risks is competition, and a second one is regulation.",
    "The company files a 10-K every year and 10-Qs in between.",
    "It is a member of the S&P 500 and of the Nasdaq-100.",
    "The fiscal year is a 52- or 53-week period.",
    "Its products are used 24/7 in more than one industry.",
    "The shares may move within a 52-week range that was not supplied.",
    "5G and 3D technologies are part of the industry's future.",
    "No share price was supplied, so valuation multiples cannot be given.",
    "A higher P/E than that of peers would need faster growth.",
    "Beta was not supplied.",
    "Competition in the 21st century moves fast.",
    "The business earns money in several ways and reinvests most of it.",
    "Profitability is strong: for every dollar of sales, the company keeps a good part as operating income.",
    "The company's ability to generate cash is its main strength.",
)
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def true_sentences(subject: Subject) -> Iterator[str]:
    """Fill in the templates for which this company has the figures; directions match the figures."""
    date = next((fact.as_of for fact in subject.facts.values() if fact.as_of), "")
    for template in TEMPLATES:
        if (text := _filled(template, subject, date or "")) is not None:
            yield text
    for name, what in (("revenueGrowth", "Revenue"), ("earningsGrowth", "Net income")):
        growth = subject.facts.get(name)
        if growth and growth.number:
            verb, noun = ("rose", "increase") if growth.number > 0 else ("fell", "decline")
            size = NOTATIONS["abs"](growth.number)
            yield f"{what} {verb} {size} from the year before."
            yield f"{what} {verb} by {size}, which is no surprise."
            yield f"There was a {size} {noun} in {what.lower()}."

    cash, income = (subject.facts.get(name) for name in ("operatingCashflow", "netIncomeToCommon"))
    if cash and income and cash.number and income.number:
        verb = "exceeded" if cash.number > income.number else "fell short of"
        yield (
            f"Operating cash flow of {NOTATIONS['b1'](cash.number)} {verb} net income of"
            f" {NOTATIONS['b1'](income.number)}."
        )


def _filled(template: str, subject: Subject, date: str) -> str | None:
    def figure(match: re.Match[str]) -> str:
        number = subject.facts[match[1]].number
        assert number is not None
        return NOTATIONS[match[2]](number)

    wanted = re.findall(r"\{(\w+):\w+\}", template)
    if any(name not in subject.facts or subject.facts[name].number is None for name in wanted):
        return None
    year, month, day = (int(part) for part in date.split("-"))
    text = re.sub(r"\{(\w+):(\w+)\}", figure, template)
    return text.replace("{year}", str(year)).replace("{date}", f"{MONTHS[month - 1]} {day}, {year}")
