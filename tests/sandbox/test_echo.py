"""Echo faults: a reply of the sandbox that contains secrets of the request, encoded."""

from __future__ import annotations

import json

import pytest

from ert_deploy.sandbox.httpd.echo import ENCODINGS, encoded, told
from ert_deploy.sandbox.httpd.faults import Fault
from ert_deploy.sandbox.httpd.messages import Reply, Request
from tests.support.secrets.encodings import found_in

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY"


def request(body: object = None) -> Request:
    data = json.dumps(body).encode() if body is not None else b"no JSON"
    return Request("PUT", "/x", {}, {"Authorization": f"Bearer {SECRET}"}, data, "127.0.0.1")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_echo_shows_the_secret_to_who_knows_the_encoding(encoding: str) -> None:
    assert list(found_in(encoded(SECRET, encoding), SECRET))
    reply = Fault("x", echo=encoding, status=418).answer(request())
    assert reply is not None
    assert reply.status == 418
    said = json.loads(reply.body or b"")
    assert said["success"] is False
    assert list(found_in(said["msg"], SECRET))


def test_an_echo_repeats_the_body_the_longest_first() -> None:
    assert told(request({"env": {"A": "a" * 9, "B": ["b" * 30, 7, "short"]}})) == (SECRET, "a" * 9, "b" * 30)
    reply = Fault("x", echo="raw").answer(request({"env": {"A": "a" * 9, "B": "b" * 40}}))
    assert reply is not None
    assert reply.status == 400
    assert json.loads(reply.body or b"")["detail"] == f"not with this: {'b' * 40}; {SECRET}; {'a' * 9}"


def test_an_encoding_has_to_be_known() -> None:
    with pytest.raises(ValueError, match="no encoding is called 'rot13'; known: raw, percent"):
        Fault.parse({"operation": "list", "echo": "rot13"})
    assert Fault.parse({"operation": "list", "echo": "raw"}).echo == "raw"


def test_without_an_echo_a_fault_is_what_it_was() -> None:
    assert Fault("x").answer(request()) is None
    assert Fault("x", status=500, body="b").answer(request()) == Reply(500, b"b", {}, "application/json")
