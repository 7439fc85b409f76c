"""Instances with an unknown key: whether an app may be using one, by the times of its latest deploy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord
from ert_deploy.core.planning.situation import Situation
from tests.support.situations import NOW, UP, app, env, healthy, instance, mark, off, record, rollout, seen, served

RUNNING_WITH_IT = app(off(), shows=mark(env(1)))
NEVER_KNOWN = -NOW  # by a clock that is never compared


@pytest.mark.parametrize(
    ("known", "deployed", "may"),
    [
        (record(1), NOW - 200, False),
        (record(1), NOW - 60, True),
        (record(1), NOW - 10, True),
        (record(1), None, True),
        (None, NOW - 200, True),
        (record(1, at=NEVER_KNOWN), NOW - 200, True),
        (record(1), NEVER_KNOWN, True),
        (record(1), 0.0, False),
        (served(1), NOW - 200, False),
        (replace(served(1), certificate=""), NOW - 200, True),
    ],
)
def test_an_app_may_run_with_what_is_older_than_its_newest_deploy(
    known: InstanceRecord | None, deployed: float | None, may: bool
) -> None:
    records = () if known is None else (known,)
    rollouts = () if deployed is None else (replace(rollout(env(1)), at=deployed),)
    observed = seen(
        instance(1), records=records, rollouts=rollouts, apps=(RUNNING_WITH_IT,), health=(healthy(1),)
    )  # fmt: skip
    assert Situation(UP, observed).runs_with(instance(1)) is may


@pytest.mark.parametrize("shown", [None, mark(env(2))])
def test_an_app_runs_with_nothing_else_where_it_shows_what_its_environment_holds(shown: str | None) -> None:
    observed = seen(instance(1), apps=(app(env(2), shows=shown),), health=(healthy(1),))
    assert not Situation(UP, observed).runs_with(instance(1))


@pytest.mark.parametrize("over", [off(), env(2)])
def test_an_app_may_run_with_it_where_a_write_of_the_environment_ended_before_the_fingerprint(
    over: Mapping[str, Secret],
) -> None:
    """The fingerprint is written last: the old one stands over values that the running process never had."""
    name = UP.targets[0].names.fingerprint
    observed = seen(
        instance(1), apps=(app({**over, name: env(1)[name]}, shows=mark(env(1))),), health=(healthy(1),)
    )  # fmt: skip
    assert Situation(UP, observed).runs_with(instance(1))


@pytest.mark.parametrize(("secret", "may"), [("", True), ("00" * 32, False)])
def test_an_app_may_run_with_an_instance_that_can_prove_nothing(secret: str, may: bool) -> None:
    edited = replace(instance(1), boot_secret=Secret(secret))
    observed = seen(edited, records=(record(1),), apps=(RUNNING_WITH_IT,))
    assert Situation(UP, observed).runs_with(edited) is may
