"""Preflight checks: a run that cannot be completed fails before any create call or write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.errors import CannotObserve, ErtError, UsageError
from ert_deploy.core.model.events import Trouble
from ert_deploy.ports import AppAnswer
from tests.support.fakes.history import WANTED, down, is_up, told, up
from tests.support.fakes.loopback import FakeWorld, offer, world


def nothing_happened(made: FakeWorld, error: ErtError) -> None:
    assert error.exit_code == 2
    assert made.gpu.instances == {}
    assert made.store.state.generation == 0
    assert not {"put_env", "delete_env", "deploy"} & set(made.web.faults.calls)


def test_no_offer_is_explained_filter_by_filter_and_nothing_is_written() -> None:
    made = world()
    made.gpu.offers = (offer(1, dph_total=0.9), offer(2, dph_total=0.8, cuda=11.0), offer(3, inet_down=20.0))
    with pytest.raises(UsageError, match=r"no offer matches \(of 3\)") as nothing:
        up(made)
    nothing_happened(made, nothing.value)
    assert nothing.value.detail.splitlines()[0] == "    2 of 3 removed by offer/max_dph"
    assert "    1 of 3 removed by offer/min_cuda" in nothing.value.detail
    assert "loosen" in nothing.value.hint


def test_an_empty_market_is_explained_too() -> None:
    made = world()
    made.gpu.offers = (offer(1),)
    made.gpu.search = lambda *_, **__: ()  # type: ignore[method-assign]
    with pytest.raises(UsageError, match=r"\(of 0\)") as nothing:
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
    with pytest.raises(UsageError, match=rf"{names.url} would be set in dash .* environment group shared") as twice:
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
    made.web.services["dash"].sleeps = "is on the free plan"
    up(made)
    is_up(made)
    (said,) = told(made, Trouble)
    assert said.what == "dash is on the free plan"


@pytest.mark.parametrize("oddity", ["suspended", "has_disk", "preview_of", "grouped"])
def test_on_the_way_down_nothing_about_a_service_stands_in_the_way(oddity: str) -> None:
    made = world()
    up(made)
    odd = {
        "suspended": "by billing",
        "has_disk": True,
        "preview_of": "dashboard",
        "grouped": {WANTED.targets[0].names.url: "shared"},
    }
    setattr(made.web.services["dash"], oddity, odd[oddity])
    down(made)
    assert made.gpu.paid() == ()


def test_an_app_that_cannot_prove_itself_is_said_before_anything_is_rented_but_only_once_it_is_deployed() -> None:
    made = world()
    url = "https://dash.example.org"
    made.web.answers[url] = AppAnswer(404)
    up(made)
    is_up(made)
    down(made)
    for answer, words, hint in (
        (AppAnswer(301, "https://www.dash.example.org/health"), "returns 301", "address: https://www.dash.example.org"),
        (AppAnswer(302, "/login"), "a redirect to /login", "exempt it from redirects and login"),
        (AppAnswer(308, ""), "a redirect to nowhere", "exempt it from redirects"),
        (AppAnswer(401), "returns 401", "let /health through"),
        (AppAnswer(403), "returns 403", "let /health through"),
        (AppAnswer(404), f"returns 404 at {url}/health: it does not exist", "health_path under dash"),
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


def test_reports_that_a_deploy_forgets_are_counted_and_nothing_is_stopped() -> None:
    made = world()
    up(made)
    is_up(made)
    made.web.answers["https://dash.example.org"] = AppAnswer(200, forgets=3)
    up(made)
    (said,) = told(made, Trouble)
    assert said.what == "a deploy of dash forgets the 3 report(s) that it keeps in its own file system"
    assert "DATABASE_URL" in said.why


def test_instances_that_share_nothing_are_refused_where_the_app_says_so() -> None:
    made = world()
    up(made)
    is_up(made)
    url = "https://dash.example.org"
    made.web.services["dash"].instances = 2
    up(made)  # another app, which tells nothing
    made.web.answers[url] = AppAnswer(200, alone=True)
    with pytest.raises(
        UsageError, match="dash runs as 2 instances, each with reports and logins of its own"
    ) as refused:
        up(made)
    assert "DATABASE_URL and REDIS_URL" in refused.value.hint
    made.web.services["dash"].instances = 1
    up(made)


def test_an_app_whose_own_address_is_off_is_asked_where_the_config_says() -> None:
    made = world()
    made.web.services["dash"].unreachable = True
    with pytest.raises(UsageError, match=r"does not respond at https://dash\.example\.org") as off:
        up(made)
    nothing_happened(made, off.value)
    assert "address: https://YOUR-DOMAIN under dash" in off.value.hint
    address = "https://www.dash.example.org"
    elsewhere = replace(WANTED, targets=(Target("dash", address=address),))
    result = up(made, elsewhere)
    is_up(made, elsewhere)
    assert [p.app_url for p in result.situation.observed.publications or ()] == [address]


def test_a_worker_shows_its_configuration_at_the_address_of_its_web_service() -> None:
    made = world()
    made.web.services["dash"].worker = True
    with pytest.raises(UsageError, match="dash is a worker, which has no address") as alone:
        up(made)
    nothing_happened(made, alone.value)
    assert "health_path: /health/worker under dash" in alone.value.hint
    address = "https://www.dash.example.org"
    shown = replace(WANTED, targets=(Target("dash", address=address, health_path="/health/worker"),))
    result = up(made, shown)
    is_up(made, shown)
    assert [p.app_url for p in result.situation.observed.publications or ()] == [address]


def test_a_preview_is_no_target_until_the_config_says_so() -> None:
    made = world()
    made.web.services["dash"].preview_of = "dashboard"
    with pytest.raises(UsageError, match="dash is a preview of dashboard") as preview:
        up(made)
    nothing_happened(made, preview.value)
    assert "previews: use" in preview.value.hint
    allowed = replace(WANTED, targets=(replace(WANTED.targets[0], previews=True),))
    up(made, allowed)
    is_up(made, allowed)
    assert made.web.services["dash"].env[WANTED.targets[0].names.previews].reveal() == "use"


def test_a_service_that_makes_previews_is_used_and_what_they_get_is_said() -> None:
    made = world()
    made.web.services["dash"].makes_previews = True
    up(made)
    is_up(made)
    (said,) = told(made, Trouble)
    assert said.what == "Webhost copies the variables of dash, with the backend's key, into its previews"
    assert "IS_PREVIEW" in said.why
    assert WANTED.targets[0].names.previews not in made.web.services["dash"].env
    down(made)


def test_what_previews_were_told_ends_with_the_permission() -> None:
    made = world()
    allowed = replace(WANTED, targets=(replace(WANTED.targets[0], previews=True),))
    up(made, allowed)
    name = WANTED.targets[0].names.previews
    assert name in made.web.services["dash"].env
    up(made)
    is_up(made)
    assert name not in made.web.services["dash"].env
