"""With the key of another Vast.ai account, `down` and the others change nothing and never report "no instance"."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


def test_with_the_key_of_another_account_down_says_so_and_forgets_nothing(place: Place) -> None:
    (backend,) = place.data("up")["backends"]
    state = (place.folder / ".ert" / "ert-sandbox.json").read_bytes()
    for words in (("down",), ("down", "--now"), ("sleep",), ("up",), ("status",)):
        theirs = {"id": 7, "email": "other@example.com", "credit": 3.0}
        place.fault(provider="vast", operation="user", status=200, body=json.dumps(theirs))
        empty = {"success": True, "instances": [], "total_instances": 0, "next_token": None}
        place.fault(provider="vast", operation="list", status=200, body=json.dumps(empty))
        done = place.ert(*words, code=5)
        assert "the key is of account 7, and ert-sandbox was rented with account 424242" in done.stderr
        assert f"instance {backend['instance']}" in done.stderr
        assert "hint: use a key of account 424242" in done.stderr
        assert "nothing" not in done.stdout
    assert (place.folder / ".ert" / "ert-sandbox.json").read_bytes() == state
    assert place.instances() == [backend["instance"]]
    place.ert("down")
    assert place.bill()["running"] == []
