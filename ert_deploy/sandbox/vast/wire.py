"""Message formats of Vast: success, errors, and parsing of requests."""

from __future__ import annotations

from typing import Any

from ert_deploy.sandbox.httpd.messages import Reply, Request

Json = dict[str, Any]


class Refusal(Exception):
    """An error response. `extra` are additional keys of the body, such as `ask_id` or `new_contract`."""

    def __init__(self, status: int, error: str, msg: str, **extra: Any) -> None:
        super().__init__(msg)
        self.status = status
        self.error = error
        self.msg = msg
        self.extra = extra

    def reply(self) -> Reply:
        """Return `{"success": false, "error": .., "msg": ..}` with the extra keys."""
        return Reply.json({"success": False, "error": self.error, "msg": self.msg, **self.extra}, self.status)


def success(**extra: Any) -> Reply:
    """Return `{"success": true}` with additional keys."""
    return Reply.json({"success": True, **extra})


def body_of(request: Request) -> Json:
    """Return the JSON object in the body; an empty body is an empty object. Raises `Refusal` 400 for other values."""
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
    """Return the id in the path. Raises `Refusal` 400 if it is not a number."""
    try:
        return int(request.params["id"])
    except ValueError:
        raise Refusal(400, "invalid_args", "invalid instance_id") from None


def no_such_instance(id: int) -> Refusal:
    """Return the error for an instance that does not exist."""
    return Refusal(404, "no_such_instance", f"Instance with ID {id} does not exist.")
