"""Markdown tables of the benchmarks' pages, for a terminal."""

from __future__ import annotations


def printed(text: str) -> str:
    """Return a Markdown table with columns of equal width, for a terminal."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "---" not in line]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells))
    return "\n".join(lines)
