"""Facts in the format of the SEC's companyfacts, for fictitious companies."""

from __future__ import annotations

from typing import Any


def row(
    end: str, value: float, filed: str, *, start: str | None = None, form: str = "10-K", fp: str = "FY", fy: int = 2025
) -> dict[str, Any]:
    """Return one fact; `fy` and `fp` are those of the filing, as in the real data."""
    accession = f"0000000001-{filed[2:4]}-{filed[5:7]}{filed[8:10]}00"
    base = {"end": end, "val": value, "accn": accession, "fy": fy, "fp": fp, "form": form, "filed": filed}
    return base if start is None else {"start": start, **base}


def tag(unit: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"label": "x", "description": None, "units": {unit: list(rows)}}


def year(end: int, value: float, filed: str, **more: Any) -> dict[str, Any]:
    """Return the fact of a fiscal year that is a calendar year."""
    return row(f"{end}-12-31", value, filed, start=f"{end}-01-01", **more)


def plain_company() -> dict[str, Any]:
    """Return the `facts` of a company with two calendar years and no special cases."""
    return {
        "us-gaap": {
            "Revenues": tag("USD", year(2024, 900.0, "2025-02-10", fy=2024), year(2025, 1000.0, "2026-02-10")),
            "NetIncomeLoss": tag("USD", year(2024, 90.0, "2025-02-10", fy=2024), year(2025, 120.0, "2026-02-10")),
            "GrossProfit": tag("USD", year(2025, 400.0, "2026-02-10")),
            "Assets": tag("USD", row("2024-12-31", 1800.0, "2025-02-10"), row("2025-12-31", 2000.0, "2026-02-10")),
            "StockholdersEquity": tag("USD", row("2025-12-31", 600.0, "2026-02-10")),
            "EarningsPerShareDiluted": tag("USD/shares", year(2025, 1.2, "2026-02-10")),
        },
        "dei": {"EntityCommonStockSharesOutstanding": tag("shares", row("2026-01-31", 100.0, "2026-02-10"))},
    }
