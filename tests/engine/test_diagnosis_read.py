"""Reads for a diagnosis: each source alone, whatever fails elsewhere, and nothing is written, rented or destroyed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ert_deploy.core.diagnosis.diagnose import diagnose
from ert_deploy.core.diagnosis.evidence import Evidence, Source
from ert_deploy.core.launching.manifest import Access, Manifest
from ert_deploy.core.model.app.external import External
from ert_deploy.core.model.boot.failure import Failure
from ert_deploy.core.model.desired import Criteria, Launch, Phase, Target
from ert_deploy.core.model.errors import CannotObserve, Damaged, Rejected, UsageError
from ert_deploy.core.model.observed import DeployKind, Offer, WebDeploy
from ert_deploy.core.model.state import Launched
from ert_deploy.engine.apply import apply
from ert_deploy.engine.diagnosis.read import read_evidence
from ert_deploy.engine.records.history import write_end
from ert_deploy.engine.run import run
from ert_deploy.ports import AppAnswer
from tests.engine.test_verdict_read import BOTH, WRITES, healthy
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, down, known
from tests.support.fakes.loopback import FakeWorld, offer, world
from tests.support.ids import nth

KEY = UsageError("Vast.ai does not accept the key: Invalid user key", hint="make another one")


def read(made: FakeWorld) -> Evidence:
    before = [len(made.gpu.faults.calls), len(made.web.faults.calls), len(made.store.faults.calls)]
    found = run(read_evidence(WANTED), made.ports)
    calls = [f.calls[n:] for f, n in zip((made.gpu.faults, made.web.faults, made.store.faults), before, strict=True)]
    assert not WRITES & {call for some in calls for call in some}
    return found


def codes(made: FakeWorld) -> list[str]:
    return [cause.code for cause in diagnose(read(made))]


def test_a_healthy_deployment_has_no_cause() -> None:
    assert codes(healthy()) == []
    assert codes(world()) == []
    made = healthy()
    down(made)
    assert codes(made) == []


def wrong_key(made: FakeWorld) -> None:
    made.gpu.faults.chance = lambda _: KEY


def both_keys(made: FakeWorld) -> None:
    wrong_key(made)
    made.web.faults.chance = lambda _: UsageError("Render does not accept the key")


def web_key(made: FakeWorld) -> None:
    made.web.faults.chance = lambda _: UsageError("Render does not accept the key")


def web_and_backend(made: FakeWorld) -> None:
    web_key(made)
    made.gpu.only().health = None
    made.gpu.credit = 0.0


def variables_only(made: FakeWorld) -> None:
    made.web.faults.chance = lambda call: UsageError("not this key's") if call == "read_env" else None


def list_only(made: FakeWorld) -> None:
    made.gpu.faults.chance = lambda call: KEY if call == "list" else None


def damaged(made: FakeWorld) -> None:
    made.store.faults.chance = lambda call: Damaged("the state is corrupt", hint="`ert-deploy state rebuild`")


def elsewhere(made: FakeWorld) -> None:
    made.gpu.account_id, made.gpu.elsewhere = "7", True


def groups(made: FakeWorld) -> None:
    made.web.faults.chance = lambda call: CannotObserve("no groups") if call == "read_groups" else None


def kept_out(made: FakeWorld) -> None:
    made.web.answer = lambda *_: AppAnswer(401)  # type: ignore[method-assign]


def suspended(made: FakeWorld) -> None:
    made.web.services["dash"].suspended = "by the user"


def private(made: FakeWorld) -> None:
    made.registries.images[WANTED.launch.image] = Manifest(Access.WITHHELD)


def unread_image(made: FakeWorld) -> None:
    made.registries.images[WANTED.launch.image] = Manifest(Access.UNREAD, "no answer")


def blind(made: FakeWorld) -> None:
    made.gpu.faults.chance = lambda call: CannotObserve("Vast.ai did not respond") if call == "list" else None


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (wrong_key, ["gpu"]),
        (both_keys, ["gpu", "web"]),
        (web_key, ["web"]),
        (web_and_backend, ["web", "no-credit"]),
        (variables_only, ["web"]),
        (list_only, ["gpu"]),
        (damaged, ["state"]),
        (elsewhere, ["account"]),
        (groups, ["web"]),
        (kept_out, ["app"]),
        (suspended, ["suspended"]),
        (private, ["image"]),
        (unread_image, []),
        (blind, ["unread"]),
    ],
)
def test_what_refuses_is_the_cause(trouble: Callable[[FakeWorld], None], expected: list[str]) -> None:
    made = healthy()
    trouble(made)
    assert codes(made) == expected


def test_a_hint_of_the_adapter_is_the_fix() -> None:
    made = healthy()
    wrong_key(made)
    (problem,) = read(made).problems
    assert (problem.source, problem.hint) == (Source.GPU, "make another one")


def test_without_a_machine_the_market_is_asked() -> None:
    made = world()
    made.gpu.offers = (offer(1, dph_total=0.9),)
    (cause,) = diagnose(read(made))
    assert (cause.code, "no offer matches (of 1)" in cause.seen) == ("market", True)
    assert "offer/max_dph" in cause.detail
    poor = world()
    poor.gpu.credit = 0.1
    assert codes(poor) == ["market"]
    blinded = world()
    blinded.gpu.faults.chance = lambda call: CannotObserve("no market") if call == "search" else None
    assert codes(blinded) == ["market"]


def failing(status: str = "update_failed", kind: DeployKind = DeployKind.FAILED) -> Callable[[FakeWorld], None]:
    def trouble(made: FakeWorld) -> None:
        deploy = WebDeploy("dep-9", status, kind, made.clock.now() - 60)
        made.web.newest_deploy = lambda service_id: deploy  # type: ignore[method-assign]
        made.web.failure = lambda *_: "the workspace has no pipeline minutes left"  # type: ignore[method-assign]

    return trouble


def test_a_failed_deploy_is_told_with_its_reason() -> None:
    made = healthy()
    failing()(made)
    (cause,) = diagnose(read(made))
    assert (cause.code, "no pipeline minutes left" in cause.seen) == ("deploy-failed", True)


def test_a_deploy_under_way_or_unread_is_no_cause() -> None:
    made = healthy()
    failing("update_in_progress", DeployKind.IN_FLIGHT)(made)
    assert codes(made) == []
    made.web.newest_deploy = lambda service_id: None  # type: ignore[method-assign]
    assert codes(made) == []
    made = healthy()
    made.web.faults.chance = lambda call: Rejected("not now") if call == "newest_deploy" else None
    assert codes(made) == []


def test_what_failed_before_the_last_success_is_forgotten() -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), behaviours.exited)
    with pytest.raises(Exception, match="failed in the same way"):
        run(apply(WANTED), made.ports)
    assert codes(made) == ["launch"]
    assert len(read(made).failures) == 2
    state = made.store.state
    made.store.save(replace(state, launches=(Launched("1", "", made.clock.now() + 60, healthy=True),)))
    assert read(made).failures == ()
    one = Failure(nth(1), "1", made.clock.now() + 90, "it is slow")
    made.store.save(replace(made.store.state, failures=(one,)))
    assert [(f.id, f.reason) for f in read(made).failures] == [(one.id, one.reason)]


def test_an_app_that_fails_once_is_looked_at_again() -> None:
    made = healthy()
    statuses = [None, *[made.web.shown("dash", WANTED.targets[0])] * 9]
    made.web.fingerprint = lambda app_url, target: statuses.pop(0)  # type: ignore[method-assign]
    made.web.answer = lambda app_url, target: AppAnswer(503)  # type: ignore[method-assign]
    assert codes(made) == []
    made.web.fingerprint = lambda app_url, target: None  # type: ignore[method-assign]
    assert codes(made) == ["app-instance"]


def test_one_of_two_apps_that_fails_once_is_looked_at_again() -> None:
    made, first = healthy(BOTH), [target.service for target in BOTH.targets]

    def fingerprint(app_url: str, target: Target) -> str | None:
        if target.service in first:
            first.remove(target.service)
            return None
        return made.web.shown(target.service, target)

    statuses = {"dash": [404, 200], "admin": [503, 200]}  # only the second one may pass
    made.web.fingerprint = fingerprint  # type: ignore[method-assign]
    made.web.answer = lambda app_url, target: AppAnswer(statuses[target.service].pop(0))  # type: ignore[method-assign]
    assert diagnose(run(read_evidence(BOTH), made.ports)) == ()


def test_for_an_external_server_neither_the_image_nor_the_market_is_looked_up() -> None:
    made, server = world(), External("https://llm.example.org", "qwen3:8b")
    made.registries.images[WANTED.launch.image] = Manifest(Access.WITHHELD)
    assert [problem.source for problem in read(made).problems] == [Source.IMAGE]
    assert "search" in made.gpu.faults.calls
    made.gpu.faults.calls.clear()
    assert run(read_evidence(replace(WANTED, external=server)), made.ports).problems == ()
    assert "search" not in made.gpu.faults.calls


def test_phases_do_not_matter() -> None:
    made = healthy()
    found = run(read_evidence(replace(WANTED, phase=Phase.RUNNING)), made.ports)
    assert diagnose(found) == ()


def test_a_budget_below_the_cheapest_machine_is_told() -> None:
    made = world()
    small = replace(WANTED, max_cost=0.0001)
    found = run(read_evidence(small), made.ports)
    (problem,) = found.problems
    assert (problem.source, problem.summary.partition(",")[0]) == (Source.MARKET, "plan/max_cost is $0.0001")
    assert run(read_evidence(replace(WANTED, max_cost=100.0)), made.ports).problems == ()


def test_the_clock_is_compared_with_the_provider_s() -> None:
    made = healthy()
    made.gpu.date = lambda: made.clock.now() - 7200.0  # type: ignore[method-assign]
    assert codes(made) == ["clock"]
    made.gpu.date = lambda: None  # type: ignore[method-assign]
    assert codes(made) == []


def asleep_after(made: FakeWorld, error: str) -> None:
    """Put it to sleep, after which a run failed; without an error none did."""
    run(apply(replace(WANTED, phase=Phase.ASLEEP)), made.ports)
    made.clock.sleep(600)
    if error:
        run(write_end(error, WANTED, known()), made.ports)


@pytest.mark.parametrize(
    ("error", "others", "expected"),
    [
        ("no offer matches", 3, ["gpu-taken", "last-run"]),
        ("no offer matches", 0, ["gpu-taken", "last-run"]),
        ("no offer matches", 64, ["last-run"]),
        ("", 3, []),
    ],
)
def test_a_machine_that_could_not_be_woken_is_looked_for_on_the_market(
    error: str, others: int, expected: list[str]
) -> None:
    made = healthy()
    asleep_after(made, error)
    made.gpu.offers = tuple(offer(100 + number) for number in range(others))
    made.gpu.faults.calls.clear()
    assert codes(made) == expected
    assert made.gpu.faults.calls.count("search") == bool(error)


def test_a_machine_that_is_on_the_market_or_a_market_that_does_not_answer_is_no_cause() -> None:
    made = healthy()
    asleep_after(made, "no offer matches")
    (row,) = made.gpu.list_instances()
    made.gpu.offers = (replace(offer(100), machine_id=row.machine_id),)
    assert codes(made) == ["last-run"]
    made.gpu.faults.chance = lambda call: CannotObserve("no market") if call == "search" else None
    assert codes(made) == ["last-run"]


def test_that_search_admits_every_machine_with_the_card() -> None:
    made = healthy()
    asleep_after(made, "no offer matches")
    asked: list[Criteria] = []

    def search(criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        asked.append(criteria)
        return ()

    made.gpu.search = search  # type: ignore[method-assign]
    assert codes(made) == ["gpu-taken", "last-run"]
    ((row,), (one,)) = made.gpu.list_instances(), asked
    assert (one.gpu_names, one.countries, one.verified, one.datacenter) == ((row.gpu_name,), (), False, False)
    least = one.min_gpu_ram_mb, one.min_reliability, one.min_inet_down, one.min_cuda, one.min_ports, one.min_duration
    assert {*least} == {0}
    assert one.max_dph == one.max_inet_cost > 100
