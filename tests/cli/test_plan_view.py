"""The text of `plan`: `+ ~ - -/+` with the keys that force a replacement, variables, interruptions, in 80 columns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.app.preview import preview
from ert_deploy.cli.view.plan import plan_document, plan_lines
from ert_deploy.config.settings import AgentService, Blueprint, PostgresState, S3Object
from ert_deploy.core.model.desired import Desired, Guard, Phase, Target
from ert_deploy.wiring import Session
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED, served, up
from tests.support.fakes.loopback import FakeWorld, world

SLOW = replace(WANTED, targets=(Target("dash", timeout=240),))


def printed(made: FakeWorld, desired: Desired) -> list[str]:
    plan = preview(Session(on_fakes(made, desired).settings, desired, made.ports), desired)
    lines = list(plan_lines(plan))
    assert not [line for line in lines if len(line) > 80]
    assert plan_document(plan)["command"] in ("up", "sleep", "down")
    return lines


def changed(**launch: object) -> Desired:
    return replace(WANTED, launch=replace(WANTED.launch, **launch))  # type: ignore[arg-type]


def test_a_first_run_creates_a_machine_and_every_variable() -> None:
    lines = printed(world(), WANTED)
    assert lines[0] == "ert: 9 to create"
    assert "  + rent an instance: no backend is there" in lines
    assert "  + dash: ERT_LLM_API_KEY (known after boot, secret)" in lines
    assert "  + dash: OLLAMA_INTEGRATION" in lines
    assert "  ! dash keeps responding during its deploy" in lines
    assert any(line.startswith("  between   $") for line in lines)
    assert any(line.startswith("the best of 12 offers") for line in lines)


def test_a_replacement_names_the_keys_that_force_it() -> None:
    lines = printed(served(), changed(image="llm-backend:2", context=8192))
    at = lines.index("  -/+ replace instance 500: launch.image, launch.context changed")
    assert lines[at + 1 : at + 3] == [
        "      launch.image: llm-backend:1 -> llm-backend:2",
        "      launch.context: 16384 -> 8192",
    ]
    assert "  ~ dash: ERT_LLM_BACKEND_URL (known after boot)" in lines
    assert "  ! requests to instance 500 may finish before it goes (75 s at most)" in lines


def test_limits_of_the_guard_change_in_place_or_replace_as_the_image_says() -> None:
    made, longer = served(), changed(guard=Guard(idle_stop=3600))
    lines = printed(made, longer)
    assert lines[:3] == [
        "ert: 1 to change",
        "  ~ change instance 500: its guard takes other limits while it runs",
        "      launch.guard.idle_stop: 1200 -> 3600",
    ]
    made.backend.says_limits = False
    assert "  -/+ replace instance 500: launch.guard.idle_stop changed" in printed(made, longer)


def test_a_price_above_the_cap_is_what_forces_it() -> None:
    lines = printed(served(), replace(WANTED, criteria=replace(WANTED.criteria, max_dph=0.15)))
    assert "keeps serving, but it costs $0.2010/h, the cap is $0.15/h" in " ".join(" ".join(lines).split())


def test_a_change_of_the_app_alone_touches_no_machine() -> None:
    lines = printed(served(), SLOW)
    assert lines[:3] == ["ert: 2 to change", "  ~ dash: ERT_LLM_TIMEOUT", "  ~ dash: ERT_LLM_CONFIG_FINGERPRINT"]


def test_a_service_with_a_disk_does_not_respond_during_its_deploy() -> None:
    made = served()
    made.web.services["dash"].has_disk = True
    lines = printed(made, replace(SLOW, targets=(replace(SLOW.targets[0], allow_downtime=True),)))
    assert "  ! dash does not respond during its deploy: it has a disk" in lines


def test_sleep_and_down_say_what_is_stopped_and_removed() -> None:
    made = served()
    asleep = printed(made, replace(WANTED, phase=Phase.ASLEEP))
    assert asleep[1] == "  ~ change instance 500: it is stopped, and its disk is kept"
    assert "  ! instance 500 finishes its reports, then there are none (10 min at most)" in asleep
    gone = printed(made, replace(WANTED, phase=Phase.ABSENT))
    assert gone[1] == "  - remove instance 500: no longer needed"
    assert "  - dash: ERT_LLM_API_KEY" in gone
    up(made)
    assert printed(made, WANTED) == ["ert: nothing to do"]


@pytest.mark.parametrize("phase", list(Phase))
def test_nothing_is_too_wide_or_secret(phase: Phase) -> None:
    made = served()
    text = "\n".join(printed(made, replace(changed(image="i" * 200 + ":1"), phase=phase)))
    service = made.web.services["dash"]
    assert service.env["ERT_LLM_API_KEY"].reveal() not in text
    assert service.env["ERT_LLM_CA_CERT"].reveal() not in text


def test_the_parts_of_the_blueprint_are_told_with_their_prices() -> None:
    made = world()
    session = Session(on_fakes(made, WANTED).settings, WANTED, made.ports)
    how = Blueprint(database="ert-reports", key_value="ert-live", instances=2)
    plan = preview(replace(session, settings=replace(session.settings, blueprints=(how,))), WANTED)
    lines = list(plan_lines(plan))
    at = lines.index("at Render, by its published prices of 2026-10: $20.00 a month and what is not known")
    assert lines[at + 1 : at + 4] == [
        "  2 x service dash (starter): $14.00",
        "  database ert-reports (the cheapest): $6.00",
        "  key value store ert-live: not known",
    ]
    assert [part["month"] for part in plan_document(plan)["hosting"]["parts"]] == [14.0, 6.0, None]
    assert preview(session, WANTED).hosting is None


@pytest.mark.parametrize(
    ("place", "sums", "line"),
    [
        (PostgresState("ERT_STATE_DATABASE_URL"), "$13.00 a month", "  database ert-state (the cheapest): $6.00"),
        (S3Object("my-bucket", "ert.json"), "$7.00 a month and what is not known", "  state in S3: not known"),
    ],
)
def test_an_agent_in_the_dashboards_service_costs_its_state(
    place: PostgresState | S3Object, sums: str, line: str
) -> None:
    made = world()
    session = Session(on_fakes(made, WANTED).settings, WANTED, made.ports)
    settings = replace(session.settings, blueprints=(Blueprint(),), agent=AgentService(beside="dash"), state=place)
    lines = list(plan_lines(preview(replace(session, settings=settings), WANTED)))
    at = lines.index(f"at Render, by its published prices of 2026-10: {sums}")
    assert lines[at + 1 : at + 3] == ["  service dash (starter): $7.00", line]
