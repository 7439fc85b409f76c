"""Looking up a service, and reading and writing its variables one by one."""

from __future__ import annotations

import pytest

from ert_deploy.core.model.errors import CannotObserve, Rejected, Transient, UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers.render.client import path_of
from ert_deploy.providers.render.parse import FREE
from ert_deploy.providers.render.web import RenderWeb
from tests.support.doubles.scripted_http import HTML, Answer
from tests.support.fakes.timing import FakeClock
from tests.support.render.recorded import BASE, CANARY, EMPTY, ENV, SERVICE, page, render, service, variable


def test_a_service_is_read_by_its_id_with_all_recorded_nulls() -> None:
    with render({f"GET {BASE}": Answer(200, service())}) as (web, script):
        found = web.service(SERVICE)
    assert (found.id, found.name, found.url) == (SERVICE, "ert-dashboard", "https://ert-dashboard.onrender.com")
    assert (found.suspended, found.has_disk, found.sleeps) == ("", False, "")
    assert script.seen[0].headers["Authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize(("policy", "off"), [("disabled", True), ("enabled", False), (None, False), ("new", False)])
def test_an_onrender_address_that_is_disabled_is_said(policy: str | None, off: bool) -> None:
    details = {**service()["serviceDetails"], "renderSubdomainPolicy": policy}
    with render({f"GET {BASE}": Answer(200, service(serviceDetails=details))}) as (web, _):
        assert web.service(SERVICE).unreachable is off


def test_a_worker_is_a_service_without_an_address() -> None:
    details = {"plan": "starter", "numInstances": 2}
    worker = service(type="background_worker", name="writer", serviceDetails=details)
    with render({"GET /v1/services": [page("service", worker), EMPTY]}) as (web, _):
        found = web.service("writer")
    assert (found.name, found.url, found.unreachable, found.instances) == ("writer", "", True, 2)


def test_a_preview_says_of_what_and_a_service_that_makes_previews_says_so() -> None:
    parent = {**service()["serviceDetails"], "parentServer": {"id": "srv-1", "name": "dash\x1b[31m"}}
    with render({f"GET {BASE}": Answer(200, service(serviceDetails=parent))}) as (web, _):
        assert web.service(SERVICE).preview_of == "dash"
    for odd in ({}, {"id": None}, "srv-1", None):
        details = {**service()["serviceDetails"], "parentServer": odd}
        with render({f"GET {BASE}": Answer(200, service(serviceDetails=details))}) as (web, _):
            assert bool(web.service(SERVICE).preview_of) is (odd is not None)
    for makes, wanted in (
        ({"previews": {"generation": "automatic"}}, True),
        ({"previews": {"generation": "manual"}}, True),
        ({"previews": {"generation": "off"}, "pullRequestPreviewsEnabled": "no"}, False),
        ({"pullRequestPreviewsEnabled": "yes"}, True),
        ({"previews": None}, False),
    ):
        details = {**service()["serviceDetails"], **makes}
        with render({f"GET {BASE}": Answer(200, service(serviceDetails=details))}) as (web, _):
            assert web.service(SERVICE).makes_previews is wanted


def test_a_name_means_the_service_and_not_a_preview_of_the_same_name() -> None:
    details = {**service()["serviceDetails"], "parentServer": {"id": SERVICE, "name": "ert-dashboard"}}
    both = page("service", service(id="srv-preview", serviceDetails=details), service())
    with render({"GET /v1/services": [both, EMPTY]}) as (web, _):
        assert web.service("ert-dashboard").id == SERVICE


def test_a_free_suspended_service_with_a_disk_says_so() -> None:
    details = {**service()["serviceDetails"], "plan": "free", "disk": {"id": "dsk-1"}}
    shown = service(suspended="suspended", suspenders=["billing", "user"], serviceDetails=details)
    with render({f"GET {BASE}": Answer(200, shown)}) as (web, _):
        found = web.service(SERVICE)
    assert (found.suspended, found.has_disk, found.sleeps) == ("suspended by billing, user", True, FREE)


def test_a_name_must_match_exactly_and_every_page_is_looked_at() -> None:
    others = page("service", service(id="srv-1", name="ert-dashboard-staging"))
    ours = page("service", service(), start=1)
    with render({"GET /v1/services": [others, ours, EMPTY]}) as (web, script):
        assert web.service("ert-dashboard").id == SERVICE
    assert [s.query.get("cursor") for s in script.seen] == [None, ["c0"], ["c1"]]
    assert script.seen[0].query["name"] == ["ert-dashboard"]


def test_two_services_of_one_name_are_listed_with_their_workspaces() -> None:
    both = page("service", service(), service(id="srv-other", ownerId="tea-other"))
    with render({"GET /v1/services": [both, EMPTY]}) as (web, _), pytest.raises(UsageError) as caught:
        web.service("ert-dashboard")
    assert SERVICE in caught.value.detail
    assert "srv-other in workspace tea-other" in caught.value.detail


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"GET /v1/services": EMPTY}, "no service named dash"),
        ({"GET /v1/services": [page("service", service(name="dash", type="cron_job")), EMPTY]}, "is a cron_job"),
        ({"GET /v1/services": Answer(401, {"message": "unauthorized"})}, "does not accept the key"),
        ({"GET /v1/services": Answer(403, {"message": "forbidden"})}, "denies this key"),
    ],
)
def test_what_the_user_has_to_mend_is_a_usage_error(answers: dict[str, Answer], words: str) -> None:
    with render(answers) as (web, _), pytest.raises(UsageError, match=words):
        web.service("dash")


def test_a_refused_key_names_its_variable_and_the_request_id() -> None:
    with (
        render({f"GET {BASE}": Answer(401, {"message": "unauthorized"})}) as (web, _),
        pytest.raises(UsageError) as caught,
    ):
        web.service(SERVICE)
    assert "RENDER_API_KEY" in caught.value.hint
    assert "api-test/1" in caught.value.detail


def test_an_unknown_id_is_a_usage_error() -> None:
    with render({}) as (web, _), pytest.raises(UsageError, match=f"does not know /services/{SERVICE}"):
        web.service(SERVICE)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "srv-somebodyelse00000000"},
        {"serviceDetails": None},
        {"serviceDetails": {"url": None}},
        {"serviceDetails": {"url": "javascript:alert(1)"}},
        {"serviceDetails": {"url": "https://user:pw@example.org"}},
        {"serviceDetails": {"url": "https://[::1"}},
        {"name": None},
    ],
)
def test_a_service_that_is_shaped_wrongly_is_not_believed(changes: dict[str, object]) -> None:
    with render({f"GET {BASE}": Answer(200, service(**changes))}) as (web, _), pytest.raises(CannotObserve):
        web.service(SERVICE)


def test_variables_are_read_to_the_empty_page_and_kept_byte_for_byte() -> None:
    pem = "-----BEGIN-----\nA\n-----END-----\n"
    first = page("envVar", variable("A", "1"), variable("CERT", pem))
    second = page("envVar", variable("B", ""), variable("C", None), start=2)
    with render({f"GET {ENV}": [first, second, EMPTY]}) as (web, script):
        env = web.read_env(SERVICE)
    assert {name: value.reveal() for name, value in env.items()} == {"A": "1", "CERT": pem, "B": "", "C": ""}
    assert [s.query.get("cursor") for s in script.seen] == [None, ["c1"], ["c3"]]


@pytest.mark.parametrize(
    "later",
    [
        HTML,
        Answer(500, {"message": "internal"}),
        Answer(200, b"<html>Please wait</html>", kind="text/html"),
        Answer(200, [{"envVar": {"key": "B"}, "cursor": None}]),
        Answer(200, [{"cursor": "c5"}]),
        Answer(200, [{"envVar": {"key": "B", "value": 5}, "cursor": "c5"}]),
        Answer(200, {"message": "odd"}),
        Answer(200, [], cut=1),
        Answer(200, b"[" * 100_000),
        Answer(302, None, {"Location": "http://127.0.0.1:9/"}),
    ],
    ids=["502", "500", "html", "no-cursor", "no-item", "number", "object", "cut", "deep", "redirect"],
)
def test_a_list_that_fails_in_the_middle_is_never_a_shorter_list(later: Answer) -> None:
    with (
        render({f"GET {ENV}": [page("envVar", variable("A", "1")), later]}) as (web, _),
        pytest.raises(CannotObserve),
    ):
        web.read_env(SERVICE)


def test_a_list_that_goes_round_in_circles_is_not_a_list() -> None:
    with (
        render({f"GET {ENV}": page("envVar", variable("A", "1"))}) as (web, script),
        pytest.raises(CannotObserve, match="does not end"),
    ):
        web.read_env(SERVICE)
    assert len(script.seen) == 2


def test_one_variable_is_written_and_confirmed() -> None:
    with render({f"PUT {ENV}/KEY_1": Answer(200, variable("KEY_1", "v"))}) as (web, script):
        web.put_env(SERVICE, "KEY_1", Secret("v"))
    assert script.asked() == [f"{ENV}/KEY_1"]
    assert script.seen[0].json() == {"value": "v"}


@pytest.mark.parametrize("name", ["", "A/../x y", "1A", "A-B", "A\n", "É"])
def test_an_odd_name_is_never_sent(name: str) -> None:
    with render({}) as (web, script):
        with pytest.raises(UsageError):
            web.put_env(SERVICE, name, Secret("v"))
        with pytest.raises(UsageError):
            web.delete_env(SERVICE, name)
    assert not script.seen


@pytest.mark.parametrize("service_id", ["", ".", "..", "a/b", "a?b", "srv-1\n"])
def test_no_address_is_built_from_an_empty_or_odd_id(service_id: str) -> None:
    with render({}) as (web, script):
        for ask in (web.read_env, web.newest_deploy, web.deploy):
            with pytest.raises(UsageError):
                ask(service_id)
        with pytest.raises(UsageError):
            web.put_env(service_id, "A", Secret("v"))
    assert not script.seen


def test_path_of_refuses_the_missing_variable_that_would_address_all_of_them() -> None:
    with pytest.raises(UsageError):
        path_of("services", SERVICE, "env-vars", "")


def test_an_empty_value_is_refused() -> None:
    with render({}) as (web, script), pytest.raises(UsageError, match="to nothing"):
        web.put_env(SERVICE, "A", Secret(""))
    assert not script.seen


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(400, {"message": "invalid key"}), Rejected),
        (Answer(404, {"message": "not found"}), UsageError),
        (Answer(403, {"message": "forbidden"}), UsageError),
        (Answer(429, {"message": "slow down"}, {"Retry-After": "7"}), Transient),
        (HTML, Transient),
        (Answer(reset=True), Transient),
        (Answer(200, b"<html></html>"), Transient),
        (Answer(200, variable("A", "something else")), Transient),
    ],
)
def test_a_write_that_is_not_confirmed_is_an_error(answer: Answer, error: type[Exception]) -> None:
    with render({f"PUT {ENV}/A": answer}) as (web, _), pytest.raises(error):
        web.put_env(SERVICE, "A", Secret("v"))


def test_deleting_what_is_not_there_is_success() -> None:
    with render({f"DELETE {ENV}/A": [Answer(204), Answer(404, {"message": "not found: A"})]}) as (web, script):
        web.delete_env(SERVICE, "A")
        web.delete_env(SERVICE, "A")
    assert script.asked("DELETE") == [f"{ENV}/A"] * 2


def test_a_delete_that_is_refused_is_an_error() -> None:
    with render({f"DELETE {ENV}/A": Answer(409, {"message": "busy"})}) as (web, _), pytest.raises(Rejected):
        web.delete_env(SERVICE, "A")


@pytest.mark.parametrize("key", ["", " ", "rnd_a\nX-Evil: 1", "rnd_\u00e9"])
def test_a_key_that_cannot_be_one_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        RenderWeb(Secret(key), "https://api.render.com/v1", FakeClock())
    assert not key.strip() or key not in str(caught.value)


def test_the_key_is_not_sent_in_clear_to_another_machine() -> None:
    with pytest.raises(UsageError, match="plain HTTP"):
        RenderWeb(Secret(CANARY), "http://203.0.113.7/v1", FakeClock())
