"""Serialization of the ledger: conversion to plain data, and strict parsing of stored data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ert_deploy.core.ledger.model import KINDS, ORDER, Charge, Ledger, Month, Transition
from ert_deploy.core.model.plain.fields import checked, many, text, whole

VERSION = 1
_NAMES = {"version", "deployment", "generation", "transitions", "charges", "months", "closed"}


def to_json(ledger: Ledger) -> dict[str, Any]:
    """Return the ledger as plain data, with its version. A field that has its default is left out."""
    return {
        "version": VERSION,
        "deployment": ledger.deployment,
        "generation": ledger.generation,
        "transitions": [_short(asdict(one)) for one in ledger.transitions],
        "charges": [asdict(one) for one in ledger.charges],
        "months": [asdict(one) for one in ledger.months],
        "closed": list(ledger.closed),
    }


def from_json(value: Any) -> Ledger:
    """Return the ledger. Raises TypeError or ValueError for anything but the output of `to_json`."""
    if not isinstance(value, dict) or value.keys() != _NAMES:
        raise TypeError("it does not have the fields of a ledger")
    if value["version"] != VERSION:
        raise ValueError(f"version {value['version']!r} is not known")
    return Ledger(
        text(value["deployment"]),
        whole(value["generation"]),
        many(value["transitions"], _transition),
        many(value["charges"], _charge),
        many(value["months"], lambda row: Month(**checked(Month, row))),
        many(value["closed"], text),
    )


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value != 0.0}


def _transition(row: Any) -> Transition:
    found = Transition(**checked(Transition, row))
    if found.what not in ORDER:
        raise ValueError(f"{found.what!r} is no transition")
    return found


def _charge(row: Any) -> Charge:
    found = Charge(**checked(Charge, row))
    if found.kind not in KINDS:
        raise ValueError(f"{found.kind!r} is no kind of cost")
    return found
