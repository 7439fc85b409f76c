"""Document of several replicas: its version, and what is done to the text and the events of each of them."""

from __future__ import annotations

import json

from ert_deploy.adapters.state.document import decode, encode, signed_events, who
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.plain.state import NEWEST, VERSION
from ert_deploy.core.model.state import State, Tombstone
from tests.support.ids import nth

SECRET = "Bearer " + "s3cret" * 6
PART = State("ert.2", 1, tombstones=(Tombstone("a" * 32, nth(5), 1.0, f"it said {SECRET}"),))


def test_the_text_of_every_replica_is_without_secrets() -> None:
    raw = encode(State("ert", replicas=(PART,)))
    assert b"s3cret" not in raw
    (part,) = decode(raw, "here", "ert").replicas
    assert part.tombstones[0].reason.startswith("it said")


def test_only_a_document_of_several_replicas_has_their_version() -> None:
    assert json.loads(encode(State("ert")))["version"] == VERSION
    assert json.loads(encode(State("ert", replicas=(PART,))))["version"] == NEWEST


def test_the_events_of_every_replica_name_who_wrote_them() -> None:
    event = Happened(1.0, "rented")
    signed = signed_events(State("ert", replicas=(State("ert.2", history=(event,)),)))
    assert [one.who for one in signed.replicas[0].history] == [who()]
    assert signed_events(signed) is signed
