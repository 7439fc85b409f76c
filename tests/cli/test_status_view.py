"""`status` on a screen of 80 and of 120 columns, as JSON, and its exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import click
import pytest

from ert_deploy.app.status.read import every_status, judged
from ert_deploy.app.status.result import Money, Status
from ert_deploy.cli.commands import status as command
from ert_deploy.cli.options import emit_json
from ert_deploy.cli.view.changes import changes
from ert_deploy.cli.view.links import status_lines
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import CannotObserve, NeedsAttention
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.machine.figures import Card, Figures, LastReport
from ert_deploy.core.model.observed import Health, Instance, OffSwitch, Vital
from ert_deploy.core.model.state import Denied
from ert_deploy.core.verdict.links import Level, Link, Name, Standing
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED, down, served, up
from tests.support.fakes.loopback import FakeWorld, certificate
from tests.support.ids import nth

TOKEN = "ab" * 16
LONG = "the host says: docker: Error response from daemon: " + "very-long-name-without-a-break" * 8
SERVING = Figures(
    idle=60.0, idle_stop=1200.0, claimed=True, cards=(Card("RTX 3090", 24576.0, 13312.0, 97.0),), written=3, failed=0,
    last=LastReport(True, "", 90.0),
)  # fmt: skip


def healthy() -> FakeWorld:
    made = served()
    one = made.gpu.only()
    one.health = Health(
        Vital.HEALTHY, certificate=certificate(one.order.mark.token), model=WANTED.launch.model, engine="ollama 0.35.0",
        off_switch=OffSwitch.PROVEN,
    )  # fmt: skip
    made.backend.reported = SERVING
    return made


def hung(made: FakeWorld) -> None:
    made.gpu.only().health = replace(
        made.gpu.only().health or Health(Vital.HEALTHY), vital=Vital.UNHEALTHY, detail=LONG
    )


def gone(made: FakeWorld) -> None:
    down(made)


def asleep(made: FakeWorld) -> None:
    up(made, replace(WANTED, phase=Phase.ASLEEP))
    made.gpu.log = "guard: off-switch active for instance 500: idle"


def unreadable(made: FakeWorld) -> None:
    made.gpu.faults.queued["list"] = [CannotObserve("Vast.ai does not respond")]


def stray(made: FakeWorld) -> None:
    made.gpu.foreign = [Instance(nth(901), Mark("ert", TOKEN), "ert", born=Mark("ert", TOKEN), label_token=TOKEN)]


def failing(made: FakeWorld) -> None:
    made.backend.reported = replace(SERVING, last=LastReport(False, "the engine produced no text", 5.0), failed=1)


def well(_: FakeWorld) -> None: ...


SCENES: dict[str, tuple[Callable[[FakeWorld], None], str, int, tuple[str, ...]]] = {
    "healthy": (well, "running; as wanted", 0, ("  good     engine 500: ollama 0.35.0 (wanted: online)", "97 % busy")),
    "hung": (hung, "running; degraded", 6, ("  bad      engine 500: unhealthy (wanted: online)", "-> the host says")),
    "after down": (gone, "nothing is running; as wanted", 0, ("  good     contract: none (wanted: none)",)),
    "asleep": (asleep, "asleep; as wanted", 0, ("stopped (asked)", "asleep (asked)")),
    "unreadable": (unreadable, "not known; unclear", 5, ("unknown  contract: not read", "Vast.ai does not respond")),
    "stray": (stray, "running; unclear", 5, ("  bad      stray 901", "`ert-deploy adopt|ignore|destroy 901`")),
    "a report fails": (failing, "running; degraded", 6, ("  bad      last report 500: failed 5 s ago",)),
}


def found(name: str) -> Status:
    made = healthy()
    SCENES[name][0](made)
    return judged(on_fakes(made))


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("name", SCENES)
def test_a_screen_keeps_to_its_width_and_says_what_is_wanted(name: str, width: int) -> None:
    _, head, code, pieces = SCENES[name]
    seen = found(name)
    lines = list(status_lines(seen, width))
    assert lines[0] == f"ert: {head}"
    assert max(map(len, lines)) <= width
    together = re.sub(r"\s+", " ", "\n".join(lines))
    for piece in pieces:
        assert re.sub(r"\s+", " ", piece) in together
    assert together.count("(wanted:") == len(seen.links)
    assert seen.standing.exit_code == code


@pytest.mark.parametrize("name", SCENES)
def test_the_document_has_the_same_links_and_the_code(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    seen = found(name)
    emit_json(command._document((seen,), every=False))
    said = json.loads(capsys.readouterr().out)
    assert (said["version"], said["exit_code"], said["verdict"]) == (1, SCENES[name][2], str(seen.standing))
    assert [(row["link"], row["level"]) for row in said["links"]] == [(x.name, x.level) for x in seen.links]
    assert all(row["wanted"] and row["seen"] for row in said["links"])
    if seen.money is not None:
        assert said["money"]["per_hour"] == pytest.approx(seen.money.per_hour)


@pytest.mark.parametrize("name", SCENES)
def test_the_end_is_the_code_of_the_verdict(name: str) -> None:
    code = SCENES[name][2]
    if not code:
        command._end((found(name),))
        return
    with pytest.raises((NeedsAttention, click.exceptions.Exit)) as ended:  # an error with its own code, or none
        command._end((found(name),))
    assert getattr(ended.value, "exit_code", None) == code


def test_the_numbers_of_the_machine() -> None:
    made = healthy()
    made.clock.go_on(7200.0)
    seen = judged(on_fakes(made))
    assert seen.money is not None
    assert seen.money.idle_left == pytest.approx(1140.0)
    assert seen.money.age == pytest.approx(7200.0, abs=600.0)
    assert seen.money.spent == pytest.approx((seen.money.per_hour or 0.0) * (seen.money.age or 0.0) / 3600, abs=1e-3)
    text = "\n".join(status_lines(seen, 120))
    assert "idle stop in 19 min" in text
    assert "13.0 of 24.0 GiB used" in text


def test_the_cost_of_a_sleep_that_a_run_ordered_is_that_of_its_disk() -> None:
    made = healthy()
    made.clock.go_on(3600.0)
    asleep(made)
    before = judged(on_fakes(made)).money
    made.clock.go_on(10 * 3600.0)
    money = judged(on_fakes(made)).money
    assert before is not None
    assert money is not None
    assert money.stored == pytest.approx((money.per_hour or 0.0) * (money.asleep_for or 0.0) / 3600)
    assert money.asleep_for == pytest.approx(10 * 3600.0, abs=600.0)
    assert (money.spent or 0.0) - (before.spent or 0.0) == pytest.approx((money.per_hour or 0.0) * 10, rel=0.05)
    text = "\n".join(status_lines(judged(on_fakes(made)), 120))
    assert f"asleep (asked) for 10 h 00 min: ${money.stored:.4f} for its disk" in text


def test_the_cost_after_a_stop_by_the_guard_is_by_its_own_last_word() -> None:
    made = healthy()
    made.clock.go_on(20 * 3600.0)
    made.gpu.only().halted = True
    armed = "guard: off-switch active for instance 500: idle"
    order = "guard: idle for 1200 s: asked to stop this instance: accepted"
    for last, spent_is in ((order, "at most"), (f"{order}; 7200 s after its start", "about")):
        made.gpu.log = f"{armed}\n{last}"
        seen = judged(on_fakes(made))
        assert seen.money is not None
        assert seen.money.spent_is == spent_is
        awake = 2 if spent_is == "about" else 20
        dph = made.gpu.only().dph
        assert seen.money.spent == pytest.approx(dph * awake + 0.01 * (20 - awake), rel=0.15)
        assert f"{spent_is} ${seen.money.spent:.4f} until now" in "\n".join(status_lines(seen, 120))
    made.gpu.only().halted = False
    running = judged(on_fakes(made)).money
    assert running is not None
    assert running.spent_is == "", "a machine that never slept has cost what it costs"


def test_a_sleep_whose_begin_is_not_known_costs_at_most_what_it_would_awake() -> None:
    money = Money(nth(500), 7200.0, None, 0.4, 0.002, "idle")
    seen = replace(found("asleep"), money=money)
    assert "asleep (idle), at most $0.4000 until now without traffic" in "\n".join(status_lines(seen, 120))
    unknown = replace(money, asleep_for=60.0)
    assert "asleep (idle) for 1 min, at most $0.4000" in "\n".join(status_lines(replace(seen, money=unknown), 120))


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (replace(SERVING, cards=None), "use and memory not known: the machine does not report it"),
        (replace(SERVING, cards=()), "  GPU      none"),
        (replace(SERVING, cards=(Card("X"),)), "X, use not known, memory not known"),
        (replace(SERVING, idle_stop=0.0), "no idle stop due"),
    ],
)
def test_numbers_that_are_not_known_say_so(figures: Figures, words: str) -> None:
    made = healthy()
    made.backend.reported = figures
    assert words in "\n".join(status_lines(judged(on_fakes(made)), 120))


def test_an_instance_without_price_or_date_shows_neither() -> None:
    made = healthy()
    made.gpu.only().override = lambda shown: replace(shown, started=None, dph=float("nan"), address=None)
    text = "\n".join(status_lines(judged(on_fakes(made)), 120))
    assert "age not known" in text
    assert "cost until now not known, an unknown price per hour" in text
    assert "no address yet" in text


def test_what_is_another_owners_and_what_is_avoided_is_listed() -> None:
    made = healthy()
    mark = Mark("ert", TOKEN)
    made.gpu.foreign = [Instance(nth(901), mark, "ert", born=mark, label_token=TOKEN, owner="somebody-else:")]
    state = made.store.state
    made.store.save(state.deny(Denied("1009", made.clock.real() + 3600, "it was slow"), 0.0))
    seen = judged(on_fakes(made))
    text = "\n".join(status_lines(seen, 80))
    assert "another owner's, not included and not changed: 901" in text
    assert "machine 1009" in text
    assert seen.standing is Standing.AS_WANTED


def test_every_deployment_of_the_account_by_its_marks() -> None:
    made = healthy()
    mark = Mark("other", TOKEN)
    made.gpu.foreign = [
        Instance(
            nth(901), mark, "other", status="running", born=mark, label_token=TOKEN, owner="somebody-else:", dph=0.3
        ),
        replace(Instance(nth(902), Mark("third", "cd" * 16), "third", born=Mark("third", "cd" * 16)), dph=0.1),
    ]
    own, other, third = every_status(on_fakes(made))
    assert [one.deployment for one in (own, other, third)] == ["ert", "other", "third"]
    assert own.standing is Standing.AS_WANTED
    assert other.backends[0].instance == nth(901)
    assert {link.name for link in other.links}.isdisjoint({Name.APP, Name.APP_CONFIG})
    assert third.undecided
    assert command.worst((own, other, third)) is Standing.UNCLEAR
    said = command._document((own, other, third), every=True)
    assert [one["deployment"] for one in said["deployments"]] == ["ert", "other", "third"]


def test_an_account_that_cannot_be_listed_names_no_other_deployment() -> None:
    made = healthy()
    made.gpu.faults.queued["list"] = [CannotObserve("no list"), CannotObserve("no list")]
    (own,) = every_status(on_fakes(made))
    assert own.standing is Standing.UNCLEAR
    assert own.unread is not None
    assert own.services[0].name == "dash"


def link(name: Name, level: Level, seen: str, why: str = "") -> Link:
    return Link(name, level, "online", seen, why)


def looks(*rows: Sequence[Link]) -> list[str]:
    before: Status | None = None
    said: list[str] = []
    for row in rows:
        standing = Standing.DEGRADED if any(one.degrades for one in row) else Standing.AS_WANTED
        now = Status("ert", 1_800_000_000.0, tuple(row), standing)
        said += changes(before, now)
        before = now
    return [line.partition(" UTC ")[2] for line in said]


def test_one_line_per_change_and_none_for_numbers() -> None:
    good, worn = link(Name.ENGINE, Level.GOOD, "ollama"), link(Name.ENGINE, Level.BAD, "unhealthy", "it hangs")
    older, newer = (
        link(Name.REPORT, Level.GOOD, "written 1 min ago"),
        link(Name.REPORT, Level.GOOD, "written 2 h 05 min ago"),
    )
    assert looks((good,), (good, older), (good, newer), (worn, newer), (worn,)) == [
        "ert: nothing is running; as wanted",
        "ert: last report: new -> good: written 1 min ago",
        "ert: nothing is running; degraded",
        "ert: engine: good -> bad: unhealthy: it hangs",
        "ert: last report: gone",
    ]
