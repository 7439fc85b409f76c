"""The report of the fake backend in these tests: the sections on Apple's sample figures, tables, checks and gaps.

The structure is that of the real backend's response; the figures are those of the bundled data.
"""

from __future__ import annotations

from typing import Any


def row(label: str, fact_id: str, value: float, display: str, unit: str) -> dict[str, Any]:
    source = "derived: totalRevenue / priorTotalRevenue - 1" if fact_id == "revenueGrowth" else "financial_data"
    date = "2024-09-28"
    return {
        "label": label, "fact_id": fact_id, "value": value, "display": display,
        "unit": unit, "as_of": date, "source": source,
    }  # fmt: skip


INCOME = [
    row("Revenue", "totalRevenue", 391035000000.0, "$391.03B", "money"),
    row("Gross profit", "grossProfits", 180683000000.0, "$180.68B", "money"),
    row("Operating income", "operatingIncome", 123216000000.0, "$123.22B", "money"),
    row("Net income", "netIncomeToCommon", 93736000000.0, "$93.74B", "money"),
    row("Free cash flow", "freeCashflow", 108807000000.0, "$108.81B", "money"),
]
MARGINS = [
    row("Gross margin", "grossMargins", 0.462063, "46.2%", "ratio"),
    row("Operating margin", "operatingMargins", 0.315102, "31.5%", "ratio"),
    row("Net margin", "profitMargins", 0.239713, "24.0%", "ratio"),
    row("Revenue growth", "revenueGrowth", 0.020220, "2.0%", "ratio"),
]
BALANCE = [
    row("Current ratio", "currentRatio", 0.867, "0.87x", "multiple"),
    row("Debt to equity", "debtToEquity", 187.2, "187.2%", "percent"),
]


def markdown(title: str, rows: list[dict[str, Any]]) -> str:
    lines = [f"**{title}**", "", "| Figure | Value | As of | Source |", "| --- | ---: | --- | --- |"]
    return "\n".join([*lines, *(f"| {r['label']} | {r['display']} | {r['as_of']} | {r['source']} |" for r in rows)])


TEXTS = {
    "executive_summary": (
        "Apple designs phones, computers and wearables and earns a growing part of its revenue with services. "
        "Revenue of $391.03B brought net income of $93.7 billion, a net margin of 24.0%.\n\n"
        "The company is **highly profitable** and returns most of what it earns. "
        "Growth was slow: revenue rose 2.0% in the year.\n\n"
        "No share price was supplied, so this note does not say how the market values the company."
    ),
    "financial_analysis": (
        "Gross profit was $180.68B on revenue of $391.03B, a gross margin of 46.2%. Operating income of $123.22B "
        "leaves an operating margin of 31.5%.\n\nFree cash flow of $108.81B exceeded net income of $93.74B. "
        "Current assets cover current liabilities 0.87x, which is thin, and debt to equity stands at 187.2%.\n\n"
        + markdown("Income and cash", INCOME) + "\n\n" + markdown("Margins and growth", MARGINS)
        + "\n\n" + markdown("Balance sheet", BALANCE)
    ),
    "investment_thesis": (
        "- **Margins.** An operating margin of 31.5% pays for research that few can match. It fails if services are "
        "regulated.\n- **Cash.** Free cash flow of $108.81B can be paid out. It fails if phones are kept longer.\n"
        "- **Habit.** Customers stay. It fails if a rival offers an easier change."
    ),
    "valuation_analysis": (
        "Without a price there are no multiples. What can be said rests on earnings of $93.74B and on free cash flow "
        "of $108.81B.\n\nWhoever values the share has to decide how long growth of 2.0% is enough."
    ),
    "risk_analysis": (
        "- **Regulation** of app stores would reduce a part of the gross margin of 46.2%.\n"
        "- **Concentration** on one product.\n- **Liquidity**: a current ratio of 0.87x leaves little room."
    ),
}  # fmt: skip

METADATA: dict[str, Any] = {
    "generation_time": 27.4,
    "model": "gpt-oss:20b",
    "engine": "ollama 0.35.0",
    "tokens_per_second": 121.4,
    "quality": "partial",
    "report": {
        "rating": "not_rated",
        "data_gaps": ["currentPrice", "trailingPE", "forwardPE", "beta", "targetMeanPrice"],
        "tables": [
            {"section": "financial_analysis", "title": "Income and cash", "rows": INCOME},
            {"section": "financial_analysis", "title": "Margins and growth", "rows": MARGINS},
            {"section": "financial_analysis", "title": "Balance sheet", "rows": BALANCE},
        ],
    },
    "grounding": {
        "checked": 19,
        "grounded": 15,
        "derived": 2,
        "ungrounded": [
            {"section": "valuation_analysis", "text": "The share trades at 31x earnings.", "reason": "ungrounded"},
            {"section": "risk_analysis", "text": "China is 17% of revenue.", "reason": "ungrounded"},
        ],
        "written_by_code": [],
        "failures": {},
    },
}

STATUS: dict[str, Any] = {
    "status": "healthy",
    "model": "gpt-oss:20b",
    "uptime": 1834.0,
    "queue": {"depth": 0, "active": 0, "limit": 8},
    "gpu": [
        {
            "name": "NVIDIA GeForce RTX 3090",
            "memory_total_mb": 24576.0,
            "memory_used_mb": 15870.0,
            "utilization_percent": 3.0,
            "temperature_c": 41.0,
        }
    ],
    "idle_seconds": 312.0,
    "draining": False,
    "total_reports": 7,
}
