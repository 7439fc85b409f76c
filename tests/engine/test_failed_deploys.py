"""Failed deploys (error, denied, endless, started by another client), and apps with an unexpected fingerprint."""

from __future__ import annotations

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import (
    CannotObserve,
    ErtError,
    Failed,
    Gone,
    NeedsAttention,
    OutcomeUnknown,
    Rejected,
    Transient,
)
from ert_deploy.core.model.events import DeploySeen, Trouble, Waiting
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import Rollout
from ert_deploy.core.planning.app_env import fingerprint
from tests.support.fakes.history import GONE, OTHER, WANTED, done, is_up, served, start, told, until, up
from tests.support.fakes.loopback import FakeWorld, world

NAMES = WANTED.targets[0].names


def failed(made: FakeWorld, *words: str, desired: object = WANTED) -> Failed:
    with pytest.raises(Failed) as error:
        up(made, desired)  # type: ignore[arg-type]
    shown = f"{error.value.summary}\n{error.value.detail}\n{error.value.hint}"
    assert all(word in shown for word in words), shown
    return error.value


def test_a_deploy_that_fails_is_explained_undone_and_tried_again_by_the_next_up() -> None:
    made = served()
    before, old = dict(made.web.services["dash"].env), made.gpu.only()
    made.web.endings = ["update_failed"]
    failed(
        made,
        "finished as update_failed",
        "unhealthy: exited with 1\nlast line of the log",
        "fix the app",
        desired=OTHER,
    )
    assert made.web.services["dash"].env == before
    assert made.store.state.rollout("srv-dash") is None
    assert old.id in made.gpu.paid()
    assert any("put back" in t.what for t in told(made, Trouble))
    up(made, OTHER)
    is_up(made, OTHER)
    assert len(made.gpu.instances) == 2, "the new backend was kept and is used"


def test_a_first_deploy_that_fails_leaves_no_variable_of_ours_but_the_mark() -> None:
    made = world()
    made.web.endings = ["build_failed"]
    failed(made, "build_failed")
    assert {*made.web.services["dash"].env} == {"OTHER", "DATABASE_URL", NAMES.fingerprint}
    up(made)
    is_up(made)
    assert len(made.gpu.instances) == 1


def test_an_app_that_never_shows_the_fingerprint_is_put_back_and_deployed_as_it_was() -> None:
    made = served()
    made.web.shows = "somethingelse"
    before = dict(made.web.services["dash"].env)
    failed(made, "shows somethingelse instead of", "field 'fingerprint'", desired=OTHER)
    service = made.web.services["dash"]
    assert service.env == before
    assert len(service.deploys) == 3, "the first, ours, and the one that takes the old values up again"
    made.web.shows = ""
    made.clock.sleep(60)
    assert service.running == before
    up(made, OTHER)
    is_up(made, OTHER)


def test_an_app_that_shows_nothing_is_told_what_is_missing() -> None:
    made = world()
    made.web.shows = None
    error = failed(made, "shows no fingerprint instead of")
    assert "must report the value" in error.hint


def roll_back(made: FakeWorld) -> None:
    """Roll back as in Render's dashboard: run the previous version with its environment."""
    service = made.web.services["dash"]
    service.running = {name: value for name, value in service.running.items() if name not in NAMES.all()}


def test_an_app_that_was_rolled_back_is_deployed_again_before_anybody_says_that_it_is_up() -> None:
    made = served()
    roll_back(made)
    up(made)
    is_up(made)
    assert len(made.web.services["dash"].deploys) == 2
    assert len(made.gpu.instances) == 1


def test_an_app_that_cannot_show_it_any_more_is_not_said_to_be_up() -> None:
    made = served()
    made.web.shows = None
    error = failed(made, "shows no fingerprint instead of")
    assert "must report the value" in error.hint
    assert len(made.web.services["dash"].deploys) == 2, "it was deployed again, once"
    assert made.store.state.rollout("srv-dash") is None


def test_an_app_that_is_only_slow_to_wake_is_waited_for_and_not_deployed_again() -> None:
    made = served()
    made.web.flicker = [None] * 5
    up(made)
    is_up(made)
    assert len(made.web.services["dash"].deploys) == 1


def test_on_the_way_down_an_app_that_shows_nothing_keeps_nobody_waiting() -> None:
    made = served()
    up(made, GONE)
    made.web.shows = None
    before = made.clock.now()
    up(made, GONE)
    assert made.clock.now() - before < 10


def test_a_deploy_render_refuses_puts_the_old_values_back() -> None:
    made = served()
    before = dict(made.web.services["dash"].env)
    made.web.faults.queued["deploy"] = [Rejected("not paid")]
    failed(made, "Webhost rejected the deploy of dash: not paid", desired=OTHER)
    assert made.web.services["dash"].env == before
    up(made, OTHER)
    is_up(made, OTHER)


def test_what_was_proven_last_is_put_back_and_not_what_leads_to_a_backend_that_is_gone() -> None:
    made = served()
    old, dash = made.gpu.only(), made.web.services["dash"]
    run = start(made, OTHER)
    while old.destroyed is None:
        run.step()
    proven = dict(dash.env)
    dash.env[NAMES.timeout] = dash.env[NAMES.fingerprint] = Secret("7")
    dash.running = dict(dash.env)  # deployed by a user
    made.web.faults.queued["deploy"] = [Rejected("no")]
    with pytest.raises(Failed, match="rejected the deploy of"):
        run.finish()
    assert dash.env == proven
    up(made, OTHER)
    is_up(made, OTHER)


def test_what_another_run_proved_meanwhile_is_put_back_and_not_what_this_run_replaced() -> None:
    made = served()
    dash = made.web.services["dash"]
    first, run = dict(dash.env), start(made, OTHER)
    while dash.env[NAMES.fingerprint] == first[NAMES.fingerprint]:
        assert run.step()
    own = {name: first[name] for name in first if name in NAMES.all() and name != NAMES.fingerprint}
    own[NAMES.timeout] = Secret("77")
    theirs = {**first, **own, NAMES.fingerprint: Secret(fingerprint(own))}
    dash.env, dash.running = dict(theirs), dict(theirs)
    now = made.clock.real()
    made.store.save(made.store.state.put_rollout(Rollout("srv-dash", fingerprint(own), "dep-x", now, proven=now)))
    made.web.faults.queued["deploy"] = [Rejected("no")]
    with pytest.raises(Failed, match="rejected the deploy"):
        run.finish()
    assert dash.env == theirs


def test_a_run_that_did_not_write_the_values_has_none_to_put_back() -> None:
    made = world()
    until(start(made), lambda: made.store.state.rollouts)
    made.web.endings = ["update_failed", "update_failed"]
    failed(made, "update_failed")
    assert NAMES.url in made.web.services["dash"].env
    assert not any("put back" in t.what for t in told(made, Trouble))
    up(made)
    is_up(made)


@pytest.mark.parametrize("desired", [WANTED, GONE])
def test_a_failed_deploy_of_a_run_that_died_is_done_again_at_once(desired: Desired) -> None:
    made = served() if desired is GONE else world()
    until(start(made, desired), lambda: [r for r in made.store.state.rollouts if not r.proven])
    made.web.endings = ["update_failed"]
    assert start(made, desired).finish().abandoned == ()
    assert any("update_failed" in t.why for t in told(made, Trouble))
    if desired is WANTED:
        is_up(made)


def test_a_proof_that_fails_in_a_run_that_wrote_nothing_is_tried_with_one_deploy_of_its_own() -> None:
    made = world()
    until(start(made), lambda: made.store.state.rollouts)
    made.web.shows = "somethingelse"
    failed(made, "shows somethingelse")
    assert len(made.web.services["dash"].deploys) == 2


def test_a_deploy_nobody_knows_any_more_is_done_again() -> None:
    made = world()
    until(start(made), lambda: made.store.state.rollouts)
    made.web.services["dash"].deploys.clear()
    made.web.faults.queued["get_deploy"] = [Gone("no such deploy")]
    up(made)
    is_up(made)
    assert any("is not known any more" in t.why for t in told(made, Trouble))


def test_a_deploy_that_does_not_end_is_not_waited_for_for_ever() -> None:
    made = world()
    made.web.takes = 1e9
    failed(made, "dep-1 of dash is still update_in_progress")


def test_a_deploy_of_somebody_else_is_waited_for() -> None:
    made = world()
    made.web.takes = 200.0
    made.gpu.conduct["1001"] = lambda instance: setattr(instance, "boot", 20.0)
    made.web.start_deploy(made.web.services["dash"])
    up(made)
    is_up(made)
    ours = made.web.services["dash"].deploys[-1][0]
    assert told(made, DeploySeen)[0].deploy_id == "dep-1"
    assert ours.id == "dep-2"


def test_a_deploy_of_somebody_else_that_never_ends_is_an_error() -> None:
    made = world()
    made.web.takes = 1e9
    made.web.start_deploy(made.web.services["dash"])
    failed(made, "deploy dep-1 of dash is still", "cancel it there")


def test_a_deploy_that_is_superseded_is_followed_to_the_newer_one() -> None:
    made = world()
    run = start(made)
    while not made.store.state.rollouts:
        run.step()
    made.web.supersede("dash")
    run.finish()
    is_up(made)
    assert [d.id for d, _ in made.web.services["dash"].deploys] == ["dep-1", "dep-2"]


def test_a_deploy_that_is_canceled_without_a_newer_one_has_failed() -> None:
    made = world()
    run = start(made)
    while not made.store.state.rollouts:
        run.step()
    made.web.supersede("dash")
    made.web.services["dash"].deploys.pop()
    with pytest.raises(Failed, match="finished as canceled"):
        run.finish()


@pytest.mark.parametrize("answers", [1, 5])
def test_deploys_accepted_without_an_id_are_asked_for_until_one_has_a_name(answers: int) -> None:
    made = world()
    made.web.faults.queued["deploy"] = [OutcomeUnknown("", "empty")] * answers
    up(made)
    is_up(made)


def test_a_deploy_whose_start_is_unknown_is_looked_for_and_repeated() -> None:
    made = world()
    made.web.faults.queued["deploy"] = [OutcomeUnknown("timeout", "after"), OutcomeUnknown("timeout")]
    up(made)
    is_up(made)


def test_six_deploys_without_a_name_are_enough() -> None:
    made = world()
    made.web.faults.queued["deploy"] = [OutcomeUnknown("", "empty")] * 6
    failed(made, "accepted 6 deploys of dash without naming one")
    up(made)
    is_up(made)


def test_an_app_that_falls_back_to_its_old_version_is_deployed_again() -> None:
    made = served()
    before = made.web.services["dash"]
    before.running = {}
    up(made)
    assert len(before.deploys) == 2, "an app that shows nothing although it was proven is not said to be up"
    made.web.flicker = ["old"]
    up(made)
    is_up(made)
    assert len(before.deploys) == 3


def test_an_app_that_keeps_falling_back_is_not_deployed_for_ever() -> None:
    made = served()
    made.web.flicker = ["old", ...] * 50
    with pytest.raises(NeedsAttention, match="Deploy was done 8 times"):
        up(made)


def test_a_host_that_changes_what_is_written_is_found_out() -> None:
    made = world()
    made.web.trims = True
    with pytest.raises(NeedsAttention, match="Publish was done 8 times") as circle:
        up(made)
    assert "ert-deploy plan" in circle.value.hint
    assert made.web.services["dash"].deploys == []


@pytest.mark.parametrize("operation", ["read_env", "put_env", "deploy", "get_deploy", "newest_deploy", "service"])
@pytest.mark.parametrize("trouble", [Transient("try again"), CannotObserve("no answer")])
def test_a_host_that_fails_for_a_moment_ends_the_run_and_the_next_one_goes_on(
    operation: str, trouble: ErtError
) -> None:
    made = world()
    made.web.faults.queued[operation] = [None] * (2 if operation in ("read_env", "put_env") else 0) + [trouble]
    if operation in ("read_env",) and isinstance(trouble, CannotObserve):
        up(made)
    else:
        with pytest.raises(type(trouble)):
            up(made)
    up(made)
    is_up(made)
    assert len(made.gpu.instances) == 1


def test_waiting_for_the_fingerprint_is_told() -> None:
    made = world()
    run = start(made)
    while not made.store.state.rollouts:
        run.step()
    made.web.flicker = [..., None, None]
    run.finish()
    is_up(made)
    assert any("new fingerprint" in w.what for w in told(made, Waiting))
    assert isinstance(done(made)[-1], steps.Prove)
