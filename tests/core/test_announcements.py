"""What an owner should know before it becomes an error: credit, the end of a contract, a price, an open question."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ert_deploy.core.verdict.announcements import ENDING, HOUR, announcements
from ert_deploy.core.verdict.facts import Credit
from ert_deploy.core.verdict.links import Missing
from tests.support.situations import NOW, instance
from tests.support.verdicts import empty, serving


def told(**changes: Any) -> tuple[str, ...]:
    return announcements(serving(instance(7, status="running", **changes)))


def test_what_is_as_wanted_is_not_announced() -> None:
    assert announcements(serving()) == ()
    assert announcements(empty()) == ()
    assert announcements(replace(serving(), situation=Missing("no answer"))) == ()
    assert told(ends=NOW + ENDING * HOUR) == ()
    assert told(agreed=0.2) == ()
    assert told(agreed=0.3) == ()


def test_the_end_of_a_contract_is_announced_in_time() -> None:
    assert told(ends=NOW + 90 * 60) == ("the contract of instance 7 ends within 2 h, and its machine with it",)
    assert told(ends=NOW - 5) == ("the contract of instance 7 ends within 1 h, and its machine with it",)


def test_a_price_that_rose_is_announced() -> None:
    (line,) = told(agreed=0.15, dph=0.2)
    assert line.startswith("instance 7 costs $0.2")
    assert "rose from $0.15" in line


def test_little_credit_is_announced() -> None:
    (line,) = announcements(serving(credit=Credit(0.05, "add credit")))
    assert line.startswith("the credit of the account is almost used up")


def test_an_instance_without_a_certain_owner_is_announced() -> None:
    stray = replace(instance(9, status="running"), owner="")
    (line,) = announcements(serving(instance(7, status="running"), stray))
    assert line.startswith("instance 9 may bill, ")
    assert line.endswith("`ert-deploy adopt|ignore|destroy 9` decides")
