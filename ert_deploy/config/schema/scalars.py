"""Scalar values: text, numbers, durations, sizes, choices.

Each `Parser` returns the value of a `Scalar` or raises `Bad`. It uses the text in the file, not the value that YAML 1.1
derives from it: `no`, `1:30`, `010` and `.inf` are not accepted. Patterns are written so that Python and the editors'
JavaScript read them alike.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from ert_deploy.config.schema.loose_durations import loosely
from ert_deploy.config.schema.parser import Bad, Parser, Shape, accepts, whole_text
from ert_deploy.config.yaml.problems import nearest, shown
from ert_deploy.config.yaml.tree import Scalar
from ert_deploy.core.model.provider import FORM, InstanceId, instance_id

_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(GB|MB)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_CLASS_SHARE = 937.5  # MB per nominal GB: the rest is reserved by the driver
_INTEGERS = 2**53


def text(scalar: Scalar) -> str:
    """Parse text: an unquoted `no` or `12` is not accepted, because it has another type."""
    if scalar.kind != "str":
        raise Bad(f"YAML reads {shown(scalar.text)} as {_spoken(scalar.kind)}, not as text", "put it in quotes")
    return scalar.text


def matching(pattern: str, what: str, hint: str = "", *, secret: bool = False) -> Parser[str]:
    """Return a `Parser` of text that matches `pattern`. `what` completes "X is not ..."; a `secret` is not repeated."""
    compiled = re.compile(pattern)

    @accepts(**whole_text(pattern))
    def parse(scalar: Scalar) -> str:
        value = text(scalar)
        if not compiled.fullmatch(value):
            raise Bad(f"{'what stands here' if secret else shown(value)} is not {what}", hint)
        return value

    return parse


def one_of(choices: Iterable[str]) -> Parser[str]:
    """Return a `Parser` of one of several choices."""
    allowed = tuple(choices)

    @accepts(enum=list(allowed))
    def parse(scalar: Scalar) -> str:
        value = text(scalar)
        if value not in allowed:
            raise Bad(f"{shown(value)} is not one of {', '.join(allowed)}", nearest(value, allowed))
        return value

    return parse


@accepts(type="boolean")
def yes_or_no(scalar: Scalar) -> bool:
    """Parse `true` or `false`; other spellings are errors."""
    if scalar.text not in ("true", "false") or scalar.kind != "bool":
        raise Bad(f"{shown(scalar.text)} is neither true nor false", "write true or false, without quotes")
    return scalar.text == "true"


def number(low: float, high: float, unit: str = "", *, above: bool = False) -> Parser[float]:
    """Return a `Parser` of a finite number from `low` to `high` (`above`: more than `low`)."""
    bounds = {"exclusiveMinimum" if above else "minimum": low, "maximum": high}

    @accepts(anyOf=[{"type": "number", **bounds}, whole_text(_NUMBER.pattern)], unit=unit)
    def parse(scalar: Scalar) -> float:
        return _within(_plain_number(scalar), low, high, unit, above=above)

    return parse


def whole(low: int, high: int, unit: str = "") -> Parser[int]:
    """Return a `Parser` of an integer from `low` to `high`."""
    exactly = {"type": "integer", "minimum": low, "maximum": high}

    @accepts(anyOf=[exactly, whole_text(_NUMBER.pattern)], unit=unit)
    def parse(scalar: Scalar) -> int:
        value = _plain_number(scalar)
        # Above 2^53 a float is another number than the one in the file.
        value = _within(int(scalar.text) if _INTEGER.fullmatch(scalar.text) else value, low, high, unit)
        if value != int(value):
            raise Bad(f"{shown(scalar.text)} is not a whole number")
        return int(value)

    return parse


_numbered = whole(1, _INTEGERS)


@accepts(anyOf=[{"type": "integer", "minimum": 1, "maximum": _INTEGERS}, whole_text(FORM.pattern)])
def instance(scalar: Scalar) -> InstanceId:
    """Parse the id of an instance: a number, or text in the form of an id."""
    if scalar.kind != "str":
        return InstanceId(str(_numbered(scalar)))
    try:
        return instance_id(scalar.text)
    except ValueError:
        raise Bad(f"{shown(scalar.text)} is not the id of an instance", "as `ert-deploy status` shows it") from None


def seconds(low: float, high: float, *, off: bool = False) -> Parser[float]:
    """Return a `Parser` of a duration such as `90s`, `20m`, `3h`, `2d`, or a number of seconds.

    With `off`, 0 is allowed and means never.
    """

    @accepts(**_durations("number", low, high, off=off))
    def parse(scalar: Scalar) -> float:
        value = _duration(scalar)
        if off and value == 0:
            return 0.0
        if not low <= value <= high:
            instead = ", or 0 for never" if off else ""
            raise Bad(f"{shown(scalar.text)} is not between {spoken(low)} and {spoken(high)}{instead}")
        return value

    return parse


def whole_seconds(low: float, high: float, *, off: bool = False) -> Parser[int]:
    """Return a `Parser` of a duration in whole seconds; otherwise like `seconds`."""
    duration = seconds(low, high, off=off)

    @accepts(**_durations("integer", low, high, off=off))
    def parse(scalar: Scalar) -> int:
        value = duration(scalar)
        if not value.is_integer():
            raise Bad(f"{shown(scalar.text)} is not a whole number of seconds")
        return int(value)

    return parse


def _durations(kind: str, low: float, high: float, *, off: bool) -> Shape:
    """Return the shape of a duration: seconds within bounds, or text, whose bounds only the parser checks."""
    plain = [{"type": kind, "minimum": low, "maximum": high}, *([{"const": 0}] if off else [])]
    return {"anyOf": [*plain, whole_text(_DURATION.pattern, _NUMBER.pattern)], "examples": ["90s", "20m", "3h", "2d"]}


_sha256 = matching(r"(sha256:)?[0-9a-f]{64}", "a SHA-256 digest", "64 hex digits, as /status shows model_digest")


@accepts(**_sha256.shape)
def sha256(scalar: Scalar) -> str:
    """Parse a digest in hex, with or without the prefix `sha256:`."""
    return _sha256(scalar).removeprefix("sha256:")


@accepts(**whole_text(rf"\s*{_SIZE.pattern}\s*"), examples=["16GB", "24GB"])
def gpu_memory(scalar: Scalar) -> int:
    """Parse a class of GPUs such as `24GB`, or an exact `23000MB`; return MB as the market reports it.

    GPUs of a class report less than its name: for 24 GB, an RTX 4090 has 24564, an L4 23034 and an A10 23028 MB. So a
    class means at least 937.5 MB per GB: 24GB is 22500 MB, 16GB is 15000 MB.
    """
    found = _SIZE.fullmatch(scalar.text.strip())
    if not found:
        raise _without_unit(scalar)
    megabytes = float(found[1]) * (_CLASS_SHARE if found[2] == "GB" else 1)
    if not 3_500 <= megabytes <= 300_000:
        raise Bad(f"{shown(scalar.text)} is not a size of GPU memory", "4GB to 320GB, such as 24GB")
    return int(megabytes)


def spoken(duration: float) -> str:
    """Format a duration as in a config: `20m`, `3h`."""
    for unit in ("d", "h", "m"):
        if duration >= _SECONDS[unit] and duration % _SECONDS[unit] == 0:
            return f"{int(duration // _SECONDS[unit])}{unit}"
    return f"{duration:g}s"


def _duration(scalar: Scalar) -> float:
    found = _DURATION.fullmatch(scalar.text)
    if found:
        return float(found[1]) * _SECONDS[found[2]]
    if meant := loosely(scalar.text):
        raise Bad(f"{shown(scalar.text)} is not a duration", f"write {spoken(meant)}")
    try:
        return _plain_number(scalar)
    except Bad as bad:
        clock = scalar.kind == "int" and ":" in scalar.text
        hint = "write minutes or seconds, such as 90s" if clock else "such as 90s, 20m, 3h, or a number of seconds"
        raise Bad(bad.what.replace("a plain number", "a duration"), hint) from None


def _plain_number(scalar: Scalar) -> float:
    """Parse a decimal number without quotes, not an octal, hexadecimal or sexagesimal one."""
    if scalar.kind == "bool":
        raise Bad(f"YAML reads {shown(scalar.text)} as {_spoken('bool')}, not as a number")
    if scalar.text.lower().lstrip("+-.") in ("nan", "inf", "infinity"):
        raise Bad(f"{shown(scalar.text)} is not a finite number")
    if not _NUMBER.fullmatch(scalar.text):
        raise Bad(f"{shown(scalar.text)} is not a plain number", "digits with a decimal point, without a unit")
    value = float(scalar.text)
    if not math.isfinite(value):
        raise Bad(f"{shown(scalar.text)} is not a finite number")
    return value


def _within(value: float, low: float, high: float, unit: str, *, above: bool = False) -> float:
    tail = f" {unit}" if unit else ""
    if value < low or (above and value == low):
        raise Bad(f"{value:g} is too small", f"{'more than' if above else 'at least'} {low:g}{tail}")
    if value > high:
        raise Bad(f"{value:g} is too large", f"at most {high:g}{tail}")
    return value


def _without_unit(scalar: Scalar) -> Bad:
    what = f"{shown(scalar.text)} is not a size with its unit"
    digits = scalar.text.strip()
    if not digits.isdecimal() or not 0 < int(digits[:12]) < _INTEGERS:
        return Bad(what, "write it like 24GB")
    amount = int(digits[:12])
    if amount >= 1024:
        return Bad(what, f"write {round(amount / 1024)}GB (the class of cards) or {amount}MB (exactly that)")
    return Bad(what, f"write {amount}GB")


def _spoken(kind: str) -> str:
    names = {"bool": "true or false", "int": "a number", "float": "a number", "timestamp": "a date", "null": "nothing"}
    return names.get(kind, kind)
