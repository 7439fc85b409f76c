"""Points of the launch market: parts that are kept, the same result after a stop, and how sure its gains are."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.launch import gains, page, parts
from benchmarks.launch.__main__ import main
from benchmarks.launch.claims import grid, sweeps
from benchmarks.launch.gains import by_knob, sureness
from benchmarks.launch.measure import NAMES, PRODUCT, Case, Tally, chunk
from benchmarks.launch.parts import PART, PEER_TIMES, PLAYED, Key, OtherPartsError, Parts, fingerprint, plan, play
from benchmarks.launch.rules import HEDGING

POINTS = (grid()[0], grid()[-1])
PAGE = Path(__file__).resolve().parents[2] / "docs" / "bench-launch.md"


def filled(gain: dict[Case, float], launches: int = PART) -> dict[Case, dict[str, Tally]]:
    """Return launches of 20 minutes and a little more of the product, and so many times as long of the peers."""
    found = {}
    for case, times in gain.items():
        mine = [1200.0 + at for at in range(launches)]
        peers = {rule.name: Tally([times * one for one in mine for _ in range(PEER_TIMES)]) for rule in HEDGING}
        found[case] = {PRODUCT: Tally(mine), **peers}
    return found


def test_a_stopped_run_goes_on_and_returns_what_a_whole_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, played = tmp_path / "parts", list[Key]()

    def numbered(key: Key) -> Tally:
        played.append(key)
        return Tally([100.0 * PLAYED.index(key.policy) + key.first + at for at in range(key.launches)])

    monkeypatch.setattr(parts, "_played", numbered)
    keys = list(plan(POINTS, PART + 5))
    whole, kept = play(PART + 5, Parts(), cases=POINTS), Parts(file)
    assert len(whole[POINTS[1]][PRODUCT].seconds) == PART + 5
    for key in keys[:3]:
        kept.add(key, numbered(key))
    with file.open("a") as torn:
        torn.write('{"code": "')  # killed while it wrote
    played.clear()
    assert play(PART + 5, Parts(file), cases=POINTS) == whole
    assert played == keys[3:]
    played.clear()
    assert play(PART + 5, Parts(file), cases=POINTS) == whole
    assert not played


def test_two_processes_play_what_each_policy_does_on_its_markets() -> None:
    case = POINTS[-1]
    found = play(1, Parts(), cases=(case,), workers=2)[case]
    assert found == {name: chunk(case, 0, 1 if name == PRODUCT else PEER_TIMES, (name,))[name] for name in PLAYED}


def test_each_market_is_played_once_by_each_policy_and_the_product_plays_those_of_the_peers() -> None:
    assert set(PLAYED) == {PRODUCT, *(rule.name for rule in HEDGING)}
    keys = list(plan(POINTS, PART + 5))
    for case, name in itertools.product(POINTS, PLAYED):
        numbers = [n for k in keys if (k.case, k.policy) == (case, name) for n in range(k.first, k.first + k.launches)]
        assert numbers == list(range((PART + 5) * (1 if name == PRODUCT else PEER_TIMES)))
    assert {key.case for key in keys[: len(keys) // 2]} == set(POINTS)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code": "0" * 16}, "other parameters or policies"),
        ({"policy": None, "tally": {"hours": 1}}, "no part of the grid"),
    ],
)
def test_parts_of_something_else_are_an_error(
    tmp_path: Path,
    change: dict[str, object],
    error: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "parts"
    Parts(file).add(Key(POINTS[0], PRODUCT, 0, 1), Tally([60.0]))
    whole = file.read_text()
    file.write_text(whole + json.dumps(json.loads(whole) | change) + "\n")
    with pytest.raises(OtherPartsError, match=error):
        Parts(file)
    monkeypatch.setattr("sys.argv", ["bench-launch", "--parts", str(file)])
    assert main() == 2
    assert "line 2" in capsys.readouterr().err
    assert file.read_text().startswith(whole)


def test_the_digest_depends_on_the_parameters_and_on_the_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = "benchmarks/launch/parameters.py", "ert_deploy/core/a.py", "ert_deploy/engine/a.py", "ert_deploy/ports.py"
    sources, shown = [tmp_path / name for name in names], tmp_path / "benchmarks/launch/tables.py"
    for source in (*sources, shown):
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("A = 1\n")
    monkeypatch.setattr(parts, "ROOT", tmp_path)
    found = []
    for source in (shown, *sources):
        found.append(fingerprint.__wrapped__())
        source.write_text("A = 2\n")
    found.append(fingerprint.__wrapped__())
    assert found[0] == found[1]
    assert len(set(found)) == 1 + len(sources)


def test_a_gain_is_sure_only_with_enough_launches() -> None:
    """Of 60 launches within a limit at least 95 % are within it (1 - 0.95^61), of 50 that is not known."""
    found = [sureness(filled({POINTS[0]: 3.0, POINTS[1]: 1.0}, launches)) for launches in (50, 60)]
    assert [(one.reached, one.missed, one.open) for one in found] == [(0, 1, 1), (1, 1, 0)]
    points = filled({POINTS[0]: 3.0}, 100)
    mine = points[POINTS[0]][PRODUCT]
    for late, expected in ((1, 1), (2, 0)):
        points[POINTS[0]][PRODUCT] = replace(mine, seconds=[*mine.seconds[late:], *(4 * 1200.0 for _ in range(late))])
        assert sureness(points).reached == expected


def test_the_share_by_knob_is_that_of_the_points_with_its_value() -> None:
    found = by_knob(filled({POINTS[0]: 2.0, POINTS[1]: 0.5}))
    assert found["delivered", 8.0] == pytest.approx((1.0, 2.0))
    assert found["stale", 0.3] == pytest.approx((0.0, 0.5))
    assert len(found) == 8


def test_the_grid_alone_is_printed_and_renews_its_section_and_its_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, copy = tmp_path / "parts", tmp_path / "bench-launch.md"
    kept = Parts(file)
    for key in plan(grid(), 1):
        kept.add(key, Tally([600.0 * (1 if key.policy == PRODUCT else 3)]))
    copy.write_text(PAGE.read_text())
    monkeypatch.setattr("benchmarks.launch.__main__.DOCS", tmp_path)
    monkeypatch.setattr(gains, "RESAMPLES", 20)
    options = ["--grid", "1", "--sweep", "0", "--parts", str(file), "--workers", "1", "--write"]
    monkeypatch.setattr("sys.argv", ["bench-launch", *options])
    assert main() == 0
    assert "surely at least 1.8: 0, surely less: 0, open: 81" in capsys.readouterr().out
    before, after = PAGE.read_text(), copy.read_text()
    assert after.count(page.GRID_TITLE) == 1
    assert after.count("**3.0**") == 81
    assert "times ert-deploy's | 1.00 | at least 0.75 | met |" in after
    assert after.partition("\n## Sensitivity")[2] == before.partition("\n## Sensitivity")[2]
    assert len(after.partition(page.GRID_TITLE)[0].splitlines()) == len(
        before.partition(page.GRID_TITLE)[0].splitlines()
    )


def test_the_sweep_alone_is_printed_and_renews_its_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, copy = tmp_path / "parts", tmp_path / "bench-launch.md"
    kept = Parts(file)
    for key in plan(sweeps(), 1, NAMES):
        kept.add(key, Tally([600.0 * (1 if key.policy == PRODUCT else 3)] * key.launches))
    copy.write_text(PAGE.read_text())
    monkeypatch.setattr("benchmarks.launch.__main__.DOCS", tmp_path)
    options = ["--grid", "0", "--sweep", "1", "--parts", str(file), "--workers", "1", "--write"]
    monkeypatch.setattr("sys.argv", ["bench-launch", *options])
    assert main() == 0
    assert "sensitivity, p95" in capsys.readouterr().out
    before, after = PAGE.read_text(), copy.read_text()
    assert after.count(page.SWEEP_TITLE) == 1
    assert "1 launches of ert-deploy, and 10 of each other policy" in after
    assert after.count("| 10.0 | 30.0 | 30.0 | 30.0 | 3.0 |") == len(sweeps())
    assert after.partition(page.SWEEP_TITLE)[0] == before.partition(page.SWEEP_TITLE)[0]
    assert after.partition("\n## Policies")[2] == before.partition("\n## Policies")[2]
