"""Environment groups: which variables of a service are inherited from them, by name and never by value."""

from __future__ import annotations

from typing import Any

import pytest

from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.ports import WebService
from tests.support.doubles.scripted_http import HTML, Answer, Answers
from tests.support.render.recorded import SERVICE, render

WHERE = WebService(SERVICE, "ert-dashboard", "https://x.onrender.com", "tea-1")
LIST = "GET /v1/env-groups"
ONE = "GET /v1/env-groups/evg-1"


def group(number: int, *links: str, **more: Any) -> dict[str, Any]:
    linked = [{"id": link, "name": "x", "type": "web"} for link in links]
    return {"id": f"evg-{number}", "name": f"group {number}", "ownerId": "tea-1", "serviceLinks": linked, **more}


def test_only_the_groups_of_this_service_are_opened() -> None:
    whole = group(1, SERVICE, envVars=[{"key": "A", "value": "never kept"}, {"key": "B", "value": ""}])
    listed = [group(1, SERVICE, "srv-other"), group(2, "srv-other"), group(3)]
    with render({LIST: Answer(200, listed), ONE: Answer(200, whole)}) as (web, script):
        assert web.read_groups(WHERE) == {"A": "group 1", "B": "group 1"}
    assert [seen.path for seen in script.seen] == ["/v1/env-groups", "/v1/env-groups/evg-1"]
    assert script.seen[0].query == {"ownerId": ["tea-1"], "limit": ["100"]}


@pytest.mark.parametrize("listed", [[], [group(1, "srv-other")], [group(1, serviceLinks=None)]])
def test_most_services_have_none(listed: list[Any]) -> None:
    with render({LIST: Answer(200, listed)}) as (web, script):
        assert web.read_groups(WHERE) == {}
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    "answers",
    [
        {LIST: HTML},
        {LIST: Answer(200, {})},
        {LIST: Answer(200, ["evg-1"])},
        {LIST: Answer(200, [group(1, serviceLinks=5)])},
        {LIST: Answer(200, [group(n) for n in range(100)])},
        {LIST: Answer(200, [{"serviceLinks": [{"id": SERVICE}]}])},
        {LIST: Answer(200, [group(1, SERVICE)]), ONE: HTML},
        {LIST: Answer(200, [group(1, SERVICE)]), ONE: Answer(200, group(2))},
        {LIST: Answer(200, [group(1, SERVICE)]), ONE: Answer(200, group(1, envVars={"A": "b"}))},
        {LIST: Answer(200, [group(1, SERVICE)]), ONE: Answer(200, group(1, envVars=[{"value": "b"}]))},
    ],
    ids=["502", "object", "words", "links", "full page", "no id", "one 502", "another", "map", "no key"],
)
def test_groups_that_cannot_be_read_in_full_are_not_no_groups(answers: Answers) -> None:
    with render(answers) as (web, _), pytest.raises(CannotObserve):
        web.read_groups(WHERE)
