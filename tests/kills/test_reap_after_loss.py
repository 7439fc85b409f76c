"""`reap` after the loss of the state: finds instances by `Mark`, and does not change any other instance."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kills.invariants import books, is_up
from tests.kills.stage import Stage
from tests.support.doubles import moto_s3

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


@pytest.fixture(params=["file", "s3"])
def kept(request: pytest.FixtureRequest, world: Stage) -> Stage:
    """Return a `Stage` with its state in a file or in S3."""
    if request.param == "s3":
        client, url = request.getfixturevalue("s3")
        world.keep_state_in(client, moto_s3.bucket(client), url)
    return world


def test_reap_leaves_nothing_of_ours_and_everything_of_others(kept: Stage) -> None:
    strangers = kept.strangers()
    kept.desk.ert("up", code=5)  # it reports the cloned instance
    (served,) = kept.existing()
    labelled = strangers[1].id
    said = kept.desk.ert("reap", "--yes", code=5).said
    assert "no strays" in said, "what the state knows is no stray"
    assert f"instance {labelled} was not changed and may bill: it has our label" in said
    kept.desk.configure(kept.directory, ignored=(labelled,))
    kept.desk.lose_state()
    for words in (("--dry-run",), ("--yes",), ("--yes", "--state-is-lost")):
        said = kept.desk.ert("reap", *words, code=5).said
        assert f"instance {served.id} was not changed and may bill: it proves its identity and serves" in said
    assert kept.existing() == [served]
    kept.desk.ert("sleep")
    kept.desk.lose_state()
    assert "nothing was done" in kept.desk.ert("reap", "--dry-run").said
    assert "there is no state of ert-kills here" in kept.desk.ert("reap", "--yes", code=2).said
    assert kept.existing() == [served]
    kept.desk.ert("reap", "--yes", "--state-is-lost")
    assert kept.existing() == []
    assert [c.destroyed for c in strangers] == [None, None]
    assert sorted(kept.vast.bill().running) == sorted(c.id for c in strangers)
    assert served.id in [row.instance_id for row in kept.vast.bill().rows]
    books(kept)


def test_after_a_reap_the_next_up_begins_anew(kept: Stage) -> None:
    kept.desk.ert("up")
    kept.desk.ert("sleep")
    kept.desk.lose_state()
    kept.desk.ert("reap", "--yes", "--state-is-lost")
    kept.desk.ert("up")
    is_up(kept)
    assert len(kept.ours()) == 2
    assert kept.most_at_once() == 1
    books(kept)


def test_a_create_whose_answer_and_whose_state_are_lost_can_be_destroyed(kept: Stage, s3: tuple[Any, str]) -> None:
    """After SIGKILL following the create call, the instance can be found only by `Mark`."""
    ended = kept.desk.run("up", number="GpuHost.create", when="after")
    assert ended.killed
    (left,) = kept.existing()
    kept.desk.lose_state()
    kept.desk.ert("destroy", str(left.id), "--yes")
    assert kept.existing() == []
    books(kept)
