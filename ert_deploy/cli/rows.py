"""Rows of output: wrapped at the width of the terminal under their own text; unchanged where a script reads them."""

from __future__ import annotations

import shutil
import sys
import textwrap

import click

NARROWEST, WIDEST = 40, 200
HANGING = 4  # columns, for a row of a table that is too long
LABEL = 12  # columns of a label such as "  backend   ", under which its text goes on


def columns() -> int:
    """Return the width of the terminal; 80 where there is none."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, NARROWEST), WIDEST)


def row(text: str, indent: int = LABEL) -> None:
    """Print one row on stdout. On a terminal a long one goes on in the next line, `indent` columns to the right."""
    click.echo(fitted(text, indent) if sys.stdout.isatty() else text)


def row_of_two(head: str, rest: str) -> None:
    """Print both in one line; on a terminal that is too narrow for it `rest` begins a line of its own."""
    whole = f"{head}  {rest}"
    if sys.stdout.isatty() and len(whole) > columns():
        click.echo(head.rstrip())
        whole = fitted(f"{' ' * HANGING}{rest}", HANGING)
    click.echo(whole)


def fitted(text: str, indent: int = LABEL) -> str:
    """Return the row in lines that fit the terminal; only a word that is longer than a line itself does not."""
    width = columns()
    if len(text) <= width:
        return text
    label, rest = text[:indent], text[indent:]
    lines = textwrap.wrap(rest, width - indent, break_long_words=False, break_on_hyphens=False)
    return label + f"\n{' ' * indent}".join(lines)
