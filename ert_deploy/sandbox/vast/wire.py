"""The shapes the Vast double answers with: success, errors, and the flag keys inside `env`."""

from __future__ import annotations

from typing import Any

from ert_deploy.sandbox.httpd.messages import Reply, Request

Json = dict[str, Any]


class Refusal(Exception):
    """An error answer. `extra` are further keys of the body, as `ask_id` or `new_contract`."""

    def __init__(self, status: int, error: str, msg: str, **extra: Any) -> None:
        super().__init__(msg)
        self.status = status
        self.error = error
        self.msg = msg
        self.extra = extra

    def reply(self) -> Reply:
        """`{"success": false, "error": .., "msg": ..}` with the extra keys."""
        return Reply.json({"success": False, "error": self.error, "msg": self.msg, **self.extra}, self.status)


def success(**extra: Any) -> Reply:
    """`{"success": true}` with further keys."""
    return Reply.json({"success": True, **extra})


def body_of(request: Request) -> Json:
    """The JSON object sent; Refusal 400 for anything else."""
    try:
        body = request.json()
    except ValueError:
        body = None
    if body is None and not request.body:
        return {}
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_request", "Invalid json body")
    return body


def instance_id(request: Request) -> int:
    """The id in the path; Refusal 400 when it is not a number."""
    try:
        return int(request.params["id"])
    except ValueError:
        raise Refusal(400, "invalid_args", "invalid instance_id") from None


def no_such_instance(id: int) -> Refusal:
    """What destroying or changing an instance that is gone answers."""
    return Refusal(404, "no_such_instance", f"Instance with ID {id} does not exist.")
