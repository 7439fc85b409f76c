"""Histories of renting: what a create call may come to, what an instance may turn out to be, and what never happens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Criteria, Launch, Phase, Target
from ert_deploy.core.model.errors import (
    CannotObserve,
    CreateRefused,
    ErtError,
    Failed,
    NeedsAttention,
    OfferGone,
    OutcomeUnknown,
    UsageError,
)
from ert_deploy.core.model.events import (
    Booting,
    CreateUnknown,
    Destroyed,
    OfferLost,
    Rented,
    Renting,
    Retired,
    Trouble,
    Verified,
    Waiting,
)
from ert_deploy.core.model.fingerprints import certificate_sha256
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance, Offer
from ert_deploy.core.planning.ownership import undecided
from ert_deploy.engine import effects as e
from ert_deploy.ports import AppAnswer
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, done, down, is_down, is_up, start, told, up
from tests.support.fakes.loopback import FakeWorld, blind, certificate, offer, world

OTHER = replace(WANTED, launch=replace(WANTED.launch, context=8192))


def kinds(world: FakeWorld, since: int = 0) -> list[str]:
    """The names of the steps taken, waiting left out."""
    waiting = (steps.AwaitBoot, steps.Settle, steps.Drain)
    return [type(s).__name__ for s in done(world)[since:] if not isinstance(s, waiting)]


# What happens when nothing goes wrong


def test_up_rents_the_cheapest_offer_boots_it_and_moves_the_app_over() -> None:
    made = world()
    result = up(made)
    is_up(made)
    assert kinds(made) == ["MarkApps", "Rent", "AddKey", "Pin", "Publish", "Deploy", "Prove"]
    assert made.gpu.only().machine_id == 1001
    assert result.abandoned == ()
    assert [r.rank for r in told(made, Renting)] == [1]
    (verified,) = told(made, Verified)
    assert verified.certificate_sha256 == certificate_sha256(certificate(made.gpu.only().order.mark.token))


def test_up_twice_is_up_once() -> None:
    made = world()
    up(made)
    before = len(done(made)), made.store.state.generation, len(made.web.services["dash"].deploys)
    up(made)
    assert before == (len(done(made)), made.store.state.generation, len(made.web.services["dash"].deploys))
    assert len(made.gpu.instances) == 1


def test_two_targets_get_the_same_backend_and_the_same_key() -> None:
    made = world("ert", "dash", "admin")
    both = replace(WANTED, targets=(Target("dash"), Target("admin")))
    up(made, both)
    is_up(made, both)
    assert len(made.gpu.instances) == 1
    down(made, both)
    is_down(made, both)


def test_a_target_that_is_added_later_gets_the_backend_that_is_there() -> None:
    made = world("ert", "dash", "admin")
    up(made)
    both = replace(WANTED, targets=(Target("dash"), Target("admin")))
    up(made, both)
    is_up(made, both)
    assert len(made.gpu.instances) == 1
    assert len(made.web.services["dash"].deploys) == 1


def test_after_the_state_was_lost_up_adopts_and_neither_rents_nor_deploys() -> None:
    made = world()
    up(made)
    before = len(done(made))
    made.store.lose()
    up(made)
    is_up(made)
    assert len(made.gpu.instances) == 1
    assert len(made.web.services["dash"].deploys) == 1
    assert kinds(made, before) == ["Record", "Pin", "Prove"]


# What a create call may come to


def test_an_offer_that_is_gone_costs_no_wait_and_its_token_stays_on_watch() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OfferGone("no_such_ask"), None]
    run = start(made)
    while len(told(made, OfferLost)) == 0:
        run.step()
    slept = made.clock.slept
    while not made.gpu.instances:
        run.step()
    assert made.clock.slept == slept
    run.finish()
    is_up(made)
    assert made.gpu.only().machine_id == 1002
    (kept,) = made.store.state.intents
    assert kept.gone
    assert kept.machine_id == 1001


def test_a_token_kept_on_watch_is_forgotten_after_the_settle_time() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OfferGone("no_such_ask")]
    up(made)
    made.clock.sleep(WANTED.timings.settle)
    before = len(done(made))
    up(made)
    assert kinds(made, before) == ["DropIntent"]
    assert made.store.state.intents == ()


@pytest.mark.parametrize("phase", [Phase.ASLEEP, Phase.ABSENT])
def test_an_offer_that_was_taken_delays_neither_sleep_nor_down(phase: Phase) -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OfferGone("no_such_ask")]
    up(made)
    up(made, replace(WANTED, phase=phase))
    assert made.gpu.running() == ()
    assert not any(isinstance(s, steps.Settle) for s in done(made))
    assert made.store.state.intents == () or phase is Phase.ASLEEP


def test_twenty_offers_lost_in_a_row_are_enough() -> None:
    made = world()
    made.gpu.offers = tuple(offer(n) for n in range(1, 60))
    made.gpu.faults.queued["create"] = [OfferGone("no_such_ask")] * 60
    with pytest.raises(Failed, match="20 offers went to others"):
        up(made)
    assert made.gpu.instances == {}


@pytest.mark.parametrize("effect", ["before", "after", "late 30", "late 150", "twice"])
def test_a_create_without_an_answer_is_never_lost_and_never_paid_three_times(effect: str) -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", effect)]
    up(made)
    is_up(made)
    made.clock.sleep(300)
    is_up(made)
    assert made.gpu.most_paid <= 2
    (unknown,) = told(made, CreateUnknown)
    assert unknown.why == "timeout"


def test_a_create_that_lands_after_the_run_has_died_is_found_by_down() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "late 100")]
    run = start(made)
    while not made.gpu.late:
        run.step()
    run.die(run.done)
    down(made)
    is_down(made)
    assert len(made.gpu.instances) == 1, "it landed, and it was destroyed"


def test_two_creates_without_an_answer_fill_the_slots_and_a_third_waits_for_them() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "late 140"), OutcomeUnknown("timeout", "late 140")]
    up(made)
    is_up(made)
    assert any(isinstance(s, steps.Settle) for s in done(made))
    assert made.gpu.most_paid == 2
    assert len(made.gpu.instances) == 2


def test_six_machines_that_do_not_get_healthy_are_enough() -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(range(1001, 1013), behaviours.sick)
    with pytest.raises(Failed, match="6 rented machines did not become healthy"):
        up(made)
    assert made.gpu.paid() == ()
    assert made.gpu.most_paid == 1


def test_a_refused_create_fails_and_its_token_stays_on_watch() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [CreateRefused("insufficient_credit", "before", "add credit")]
    with pytest.raises(Failed, match="insufficient_credit") as failed:
        up(made)
    assert failed.value.hint == "add credit"
    (kept,) = made.store.state.intents
    assert not kept.gone
    up(made)
    is_up(made)


def test_a_refused_create_that_left_an_instance_behind_is_adopted_by_the_next_run() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [CreateRefused("bid too low")]
    with pytest.raises(Failed):
        up(made)
    (left,) = made.gpu.paid()
    up(made)
    is_up(made)
    assert made.gpu.paid() == (left,)
    assert len(made.gpu.instances) == 1


def test_the_intent_is_durable_before_the_create_call_and_no_create_is_made_without_it() -> None:
    made = world()
    made.store.faults.queued["save"] = [Failed("disk full")]
    with pytest.raises(Failed, match="disk full"):
        up(made)
    assert made.gpu.faults.calls.count("create") == 0
    assert made.gpu.instances == {}


def test_a_fact_that_cannot_be_written_is_found_again_by_its_mark() -> None:
    made = world()
    made.store.faults.queued["save"] = [None, Failed("disk full")]
    with pytest.raises(Failed, match="disk full"):
        up(made)
    assert len(made.gpu.paid()) == 1
    before = len(done(made))
    up(made)
    is_up(made)
    assert kinds(made, before)[0] == "Record"
    assert len(made.gpu.instances) == 1


@pytest.mark.parametrize("by_id", [0, 60], ids=["found by id", "not even found by id"])
def test_a_newborn_that_is_not_listed_for_a_minute_is_neither_forgotten_nor_doubled_twice(by_id: float) -> None:
    made = world()
    made.gpu.hidden, made.gpu.unknown = 60, by_id
    up(made)
    is_up(made)
    assert made.gpu.most_paid <= (2 if by_id else 1)


def test_down_right_after_a_create_waits_for_the_newborn_to_show() -> None:
    made = world()
    made.gpu.hidden = made.gpu.unknown = 60
    run = start(made)
    while not made.store.state.records:
        run.step()
    run.die(run.done)
    down(made)
    is_down(made)


def test_a_create_that_lands_while_a_slow_listing_is_on_its_way_is_found_by_the_next_one() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "late 205")]
    run = start(made)
    while not made.gpu.late:
        run.step()
    run.die(run.done)
    made.web.services["dash"].env.clear()
    made.web.services["dash"].env.update(world().web.services["dash"].env)
    made.clock.sleep(190)
    made.gpu.slow_list = 60
    down(made)
    made.clock.sleep(60)
    is_down(made)


# What the list may come to


def test_a_list_that_fails_at_the_first_look_is_an_error_and_nothing_was_done() -> None:
    made = world()
    made.gpu.faults.queued["list"] = blind(1)
    with pytest.raises(CannotObserve):
        up(made)
    assert made.gpu.instances == {}
    assert made.store.state.generation == 0
    assert made.web.faults.calls == []


def test_a_list_that_fails_later_is_ridden_out_six_times() -> None:
    made = world()
    made.gpu.faults.queued["list"] = [None, None, *blind(6)]
    up(made)
    is_up(made)
    assert len(told(made, Trouble)) == 6


def test_a_list_that_fails_seven_times_is_an_error_and_what_is_paid_stays_known() -> None:
    made = world()
    made.gpu.faults.queued["list"] = [None, None, *blind(7)]
    with pytest.raises(CannotObserve):
        up(made)
    (paid,) = made.gpu.paid()
    assert [r.id for r in made.store.state.records] == [paid]
    up(made)
    is_up(made)
    assert len(made.gpu.instances) == 1


def test_failures_in_a_row_are_counted_anew_after_a_good_look() -> None:
    made = world()
    made.gpu.faults.queued["list"] = [None, None, *blind(5), None, *blind(5)]
    up(made)
    is_up(made)


# What an instance may turn out to be


@pytest.mark.parametrize(
    ("how", "reason", "denied"),
    [
        (behaviours.stuck, "no progress for", True),
        (behaviours.crawling, "not healthy within 2700 s", True),
        (behaviours.sick, "sick: it says it is failed", True),
        (behaviours.impostor, "impostor: it cannot prove its identity", True),
        (behaviours.unreachable, "no progress for", True),
        (behaviours.unpullable, "the host says: manifest unknown", True),
        (behaviours.exited, "the container is exited", True),
        (behaviours.overpriced, "the cap is $0.4/h", False),
        (behaviours.priceless, "the cap is $0.4/h", False),
    ],
)
def test_a_machine_that_does_not_work_is_destroyed_and_the_next_offer_follows(
    how: behaviours.Conduct, reason: str, denied: bool
) -> None:
    made = world()
    made.gpu.conduct[1001] = how
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == 1002
    assert made.gpu.most_paid == 1
    (retired,) = told(made, Retired)
    assert reason in retired.reason
    assert [d.machine_id for d in made.store.state.denied] == ([1001] if denied else [])


def test_the_rate_limit_is_waited_out_before_the_create_is_written_down() -> None:
    """From the durable intent to the create call nothing may wait: so late, it could be taken for lost."""
    made = world()
    process, carried = start(made), list[type]()
    while process.step():
        carried.append(process.last)
    turn, create = carried.index(e.AwaitTurn), carried.index(e.Create)
    between = carried[turn:create]
    assert e.Save in between
    assert not {e.Sleep, e.ListInstances, e.Search} & set(between)
    assert made.gpu.turns == ["create"]


def test_a_denied_machine_is_not_rented_again_until_the_denial_ends() -> None:
    made = world()
    made.gpu.conduct[1001] = behaviours.unpullable
    up(made)
    down(made)
    made.gpu.conduct.clear()
    up(made)
    assert made.gpu.only().machine_id == 1002
    down(made)
    made.clock.sleep(WANTED.timings.deny)
    up(made)
    assert made.gpu.only().machine_id == 1001


def test_another_offer_of_a_machine_that_has_just_failed_is_passed_over() -> None:
    made = world()
    made.gpu.offers = (offer(1), offer(13, machine_id=1001, dph_total=0.2011), offer(2))
    made.gpu.conduct[1001] = behaviours.unpullable
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == 1002
    assert len(made.gpu.instances) == 2


def test_a_slow_boot_that_moves_gets_its_time() -> None:
    made = world()
    made.gpu.conduct[1001] = lambda instance: setattr(instance, "boot", 1500.0)
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == 1001
    assert max(b.elapsed for b in told(made, Booting)) > 1400


def test_a_backend_that_refuses_the_key_is_never_published() -> None:
    made = world()
    made.backend.refuses_key = True
    run = start(made)
    while not told(made, Retired):
        run.step()
    assert [t.reason for t in made.store.state.tombstones] == ["it does not take the key the app holds"]
    assert made.web.services["dash"].deploys == []
    made.backend.refuses_key = False
    run.finish()
    is_up(made)
    assert len(made.gpu.instances) == 2


def test_a_backend_that_cannot_be_asked_about_the_key_for_a_moment_is_asked_again() -> None:
    made = world()
    made.backend.faults.queued["accepts"] = [behaviours.no_route(), behaviours.no_route()]
    up(made)
    is_up(made)
    assert len(made.gpu.instances) == 1


def test_a_backend_whose_certificate_never_stays_the_same_is_not_pinned_for_ever() -> None:
    made = world()
    made.backend.certificate = lambda instance: certificate(str(int(made.clock.time // 3)))
    with pytest.raises(NeedsAttention, match="Pin was done 8 times"):
        up(made)


def test_an_instance_that_vanishes_is_replaced_after_two_proofs() -> None:
    made = world()
    up(made)
    made.clock.sleep(WANTED.timings.settle)
    made.gpu.only().destroyed = made.clock.now()
    up(made)
    is_up(made)
    assert len(told(made, Destroyed)) == 1
    assert "get" in made.gpu.faults.calls


def test_an_instance_that_is_missing_in_one_listing_alone_is_not_forgotten() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    made.gpu.hidden = made.clock.now() - first.made + 5
    up(made)
    is_up(made)
    assert made.gpu.only() is first
    assert told(made, Waiting)


def test_one_that_is_still_there_by_id_and_not_listed_any_more_is_not_forgotten() -> None:
    made = world()
    up(made)
    made.gpu.hidden = 1e9
    for command in (up, down):
        with pytest.raises(NeedsAttention, match="still exists after 240 s") as asked:
            command(made)
        assert "no longer listed" in asked.value.detail
        assert "read by id: running" in asked.value.detail
        assert asked.value.exit_code == 5
    assert len(made.gpu.paid()) == 1


def test_instances_of_others_and_cloned_labels_are_never_touched() -> None:
    made = world()
    token = "ab" * 16
    made.gpu.foreign = [
        Instance(901, Mark("other", token), "other", status="running"),
        Instance(902, None, "ert", status="running"),
        Instance(903, status="exited"),
    ]
    result = up(made)
    assert [u.instance.id for u in undecided(WANTED, result.observed)] == [902]
    down(made)
    is_down(made)
    assert made.gpu.harmed == []


# What makes a run pointless, found out before anything is done


def nothing_happened(made: FakeWorld, error: ErtError) -> None:
    assert error.exit_code == 2
    assert made.gpu.instances == {}
    assert made.store.state.generation == 0
    assert not {"put_env", "delete_env", "deploy"} & set(made.web.faults.calls)


def test_no_offer_is_explained_filter_by_filter_and_nothing_is_written() -> None:
    made = world()
    made.gpu.offers = (offer(1, dph_total=0.9), offer(2, dph_total=0.8, cuda=11.0), offer(3, inet_down=20.0))
    with pytest.raises(UsageError, match=r"no offer matches \(looked at 3\)") as nothing:
        up(made)
    nothing_happened(made, nothing.value)
    assert nothing.value.detail.splitlines()[0] == "    2 of 3 removed by offer/max_dph"
    assert "    1 of 3 removed by offer/min_cuda" in nothing.value.detail
    assert "loosen" in nothing.value.hint


def test_an_empty_market_is_explained_too() -> None:
    made = world()
    made.gpu.offers = (offer(1),)
    made.gpu.search = lambda *_, **__: ()  # type: ignore[method-assign]
    with pytest.raises(UsageError, match="looked at 0") as nothing:
        up(made)
    nothing_happened(made, nothing.value)
    assert nothing.value.hint == "try again later"


def test_too_little_credit_is_said_before_anything_is_rented() -> None:
    made = world()
    made.gpu.credit = 0.1
    with pytest.raises(UsageError, match=r"credit is \$0\.10, 2 h are expected to cost \$0\.") as poor:
        up(made)
    nothing_happened(made, poor.value)


def test_a_suspended_service_is_said_before_anything_is_rented() -> None:
    made = world()
    made.web.services["dash"].suspended = "by the user"
    with pytest.raises(UsageError, match="is suspended") as suspended:
        up(made)
    nothing_happened(made, suspended.value)


def test_a_service_whose_deploys_are_downtime_is_left_alone_until_the_config_allows_it() -> None:
    made = world()
    made.web.services["dash"].has_disk = True
    with pytest.raises(UsageError, match="has a disk: each deploy stops it") as disk:
        up(made)
    nothing_happened(made, disk.value)
    assert "allow_downtime: true" in disk.value.hint
    allowed = replace(WANTED, targets=(replace(WANTED.targets[0], allow_downtime=True),))
    up(made, allowed)
    is_up(made, allowed)


def test_a_variable_of_ours_that_a_group_sets_too_is_said_before_anything_is_rented() -> None:
    made = world()
    names = WANTED.targets[0].names
    made.web.services["dash"].grouped = {names.url: "shared\x1b[31m", "LOG_LEVEL": "shared"}
    with pytest.raises(UsageError, match=rf"{names.url} would come to dash .* environment group shared") as twice:
        up(made)
    nothing_happened(made, twice.value)
    assert "\x1b" not in twice.value.summary
    assert "unlink the group" in twice.value.hint


def test_a_group_that_sets_other_variables_is_nobody_s_business() -> None:
    made = world()
    made.web.services["dash"].grouped = {"LOG_LEVEL": "shared"}
    up(made)
    is_up(made)


def test_groups_that_cannot_be_read_stop_the_run_before_anything_is_rented() -> None:
    made = world()
    made.web.faults.queued["read_groups"] = [CannotObserve("no answer")]
    with pytest.raises(CannotObserve):
        up(made)
    assert not made.gpu.instances
    assert "put_env" not in made.web.faults.calls


def test_a_free_service_is_used_and_its_sleep_is_said() -> None:
    made = world()
    made.web.services["dash"].sleeps = True
    up(made)
    is_up(made)
    (said,) = told(made, Trouble)
    assert said.what == "dash is on Render's free plan"


@pytest.mark.parametrize("oddity", ["suspended", "has_disk", "grouped"])
def test_on_the_way_down_nothing_about_a_service_stands_in_the_way(oddity: str) -> None:
    made = world()
    up(made)
    odd = {"suspended": "by billing", "has_disk": True, "grouped": {WANTED.targets[0].names.url: "shared"}}
    setattr(made.web.services["dash"], oddity, odd[oddity])
    down(made)
    assert made.gpu.paid() == ()


@pytest.mark.parametrize(("slept", "set_by"), [(61.0, 0.0), (61.0, -3600.0), (0.0, 3600.0)])
def test_a_create_that_was_written_down_long_ago_is_not_made(slept: float, set_by: float) -> None:
    made = world()
    run = start(made)
    while run.last is not e.Save:
        run.step()
    made.clock.go_on(slept)
    made.clock.set_by = set_by
    with pytest.raises(Failed, match="writing the state took"):
        run.finish()
    assert (made.gpu.paid(), made.store.state.intents) == ((), ())
    before = made.clock.now()
    up(made)
    is_up(made)
    assert made.clock.now() - before < WANTED.timings.settle, "there is nothing to wait for"


def test_when_every_offer_was_tried_the_next_run_searches_afresh() -> None:
    made = world()
    made.gpu.offers = (offer(1), offer(2))
    made.gpu.faults.queued["create"] = [OfferGone("no_such_ask"), OfferGone("no_such_ask")]
    with pytest.raises(Failed, match="every offer that matches has been tried"):
        up(made)
    up(made)
    is_up(made)


def test_two_that_apps_point_at_and_nobody_can_reach_need_a_person() -> None:
    made = world("ert", "dash", "admin")
    both = replace(OTHER, targets=(Target("dash"), Target("admin")))
    up(made, replace(both, launch=WANTED.launch))
    run = start(made, both)
    while len(made.web.services["dash"].deploys) < 2:
        run.step()
    run.die(run.done)
    for instance in made.gpu.instances.values():
        behaviours.unreachable(instance)
    with pytest.raises(NeedsAttention, match="two instances of this deployment may be billing"):
        up(made, replace(both, launch=replace(WANTED.launch, context=4096)))
    assert len(made.gpu.paid()) == 2, "what an app may be using is not destroyed because we cannot reach it"
    down(made, both)
    is_down(made, both)


def test_what_was_rented_is_announced_with_its_offer() -> None:
    made = world()
    up(made)
    (rented,) = told(made, Rented)
    assert rented.offer.id == 1
    assert rented.instance_id == made.gpu.only().id


def test_an_app_that_cannot_prove_itself_is_said_before_anything_is_rented_but_only_once_it_is_deployed() -> None:
    made = world()
    url = "https://dash.example.org"
    made.web.answers[url] = AppAnswer(404)
    up(made)
    is_up(made)
    down(made)
    for answer, words, hint in (
        (AppAnswer(301, "https://www.dash.example.org/health"), "answers 301", "address: https://www.dash.example.org"),
        (AppAnswer(302, "/login"), "which leads to /login", "without a redirect or a login"),
        (AppAnswer(308, ""), "which leads to nowhere", "without a redirect"),
        (AppAnswer(401), "answers 401", "let /health through"),
        (AppAnswer(403), "answers 403", "let /health through"),
        (AppAnswer(404), f"answers 404 at {url}/health: nothing is there", "health_path under dash"),
    ):
        made.web.answers[url] = answer
        rented = len(made.gpu.instances)
        with pytest.raises(UsageError, match=words) as refused:
            up(made)
        assert hint in refused.value.hint
        assert len(made.gpu.instances) == rented
    for answer in (AppAnswer(0), AppAnswer(200), AppAnswer(502)):
        made.web.answers[url] = answer
        up(made)
        down(made)


def test_an_app_whose_own_address_is_off_is_asked_where_the_config_says() -> None:
    made = world()
    made.web.services["dash"].unreachable = True
    with pytest.raises(UsageError, match=r"does not answer at https://dash\.example\.org") as off:
        up(made)
    nothing_happened(made, off.value)
    assert "address: https://YOUR-DOMAIN under dash" in off.value.hint
    address = "https://www.dash.example.org"
    elsewhere = replace(WANTED, targets=(Target("dash", address=address),))
    result = up(made, elsewhere)
    is_up(made, elsewhere)
    assert [p.app_url for p in result.observed.publications or ()] == [address]


# What the market may come to


def test_what_only_the_search_without_filters_returns_may_be_rented_too() -> None:
    made = world()
    search = made.gpu.search

    def hiding(criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        return search(criteria, launch, wide=wide) if wide else ()

    made.gpu.search = hiding  # type: ignore[method-assign]
    up(made)
    is_up(made)


@pytest.mark.parametrize("shown", [True, False], ids=["the first found some", "the first found none"])
def test_the_second_search_may_fail_when_the_first_has_found_something(shown: bool) -> None:
    made = world()
    made.gpu.offers = made.gpu.offers if shown else ()
    made.gpu.faults.queued["search"] = [None, CannotObserve("quota")]
    if shown:
        up(made)
        is_up(made)
        assert [t.what for t in told(made, Trouble)] == ["a search with fewer filters"]
    else:
        with pytest.raises(CannotObserve, match="quota"):
            up(made)


def test_a_replacement_is_never_rented_on_the_machine_that_serves() -> None:
    made = world()
    up(made)
    made.gpu.offers = (offer(13, machine_id=1001, dph_total=0.1), *made.gpu.offers)
    up(made, OTHER)
    is_up(made, OTHER)
    assert made.gpu.only().machine_id == 1002


def test_a_create_without_an_answer_keeps_the_next_one_off_its_machine() -> None:
    made = world()
    made.gpu.offers = (*made.gpu.offers, offer(13, machine_id=1001, dph_total=0.1))
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "late 100")]
    up(made)
    assert [i.machine_id for i in made.gpu.instances.values()] == [1002, 1001]
