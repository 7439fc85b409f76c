"""Vast API errors: classifies a response by its `error` code, never by its status alone.

An invalid key gets a 404 like a missing instance, a failed start gets a 200, and an error may contain the id of an
instance that was created nevertheless (Vast API docs, rate limits and errors; OpenAPI examples).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import Any, TypeVar

import requests

from ert_deploy.adapters.bounded_http import NoAnswer
from ert_deploy.core.model.errors import (
    CannotObserve,
    CreateRefused,
    ErtError,
    Failed,
    Gone,
    OfferGone,
    OutcomeUnknown,
    Rejected,
    StartRefused,
    Transient,
    UsageError,
)
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.text import printable

T = TypeVar("T")
IN_BETWEEN = (
    "another server may have responded, such as a login page or a proxy; if a proxy intercepts TLS, set "
    "SSL_CERT_FILE or REQUESTS_CA_BUNDLE to its CA"
)
BAD_REQUEST = frozenset({400, 401, 403})
FORBIDDEN = frozenset({401, 403})
SCOPES = "the key in VAST_API_KEY lacks a right: instance_write changes and destroys, instance_read and misc list"
RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
# The text of an expired second factor is not known: any that names it is taken for it.
_SECOND_FACTOR = re.compile(r"\b(?:2fa|tfa|two[- ]?factor|second factor)\b", re.IGNORECASE)
# Errors for destroying an unknown instance: one from the published API specification, one seen in practice.
NO_INSTANCE = frozenset({"no_such_instance", "not_found"})
# Errors of the account: every other offer would fail, too.
ACCOUNT_ERRORS = frozenset({"insufficient_credit", "spend_rate_limit", "auth_error", "missing_billing"})


class TooFrequent(Transient):
    """Denied by a rate limit, for example when another run uses the same key; a later attempt will work."""


def body_of(response: requests.Response | None) -> Mapping[str, Any]:
    """Return the JSON object in a response; empty if there is none."""
    try:
        data = response.json() if response is not None else None
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def words(body: Mapping[str, Any], status: int | None) -> str:
    """Return the error message in a response, safe to print."""
    text = body.get("msg") or body.get("message") or body.get("detail") or body.get("error") or ""
    code = body.get("error") or ""
    shown = printable(text if not code or code in str(text) else f"{code}: {text}")
    return shown or f"status {status}"


def refuse_bad_key(body: Mapping[str, Any]) -> None:
    """Raise `UsageError` when the response reports an invalid key, or one that wants a second factor."""
    if _SECOND_FACTOR.search(words(body, None)):
        raise UsageError(
            f"Vast.ai wants a second factor for this key: {words(body, None)}",
            hint="log in at cloud.vast.ai with the second factor and make an API key there; it needs none by itself",
        )
    if body.get("error") == "auth_error":
        raise UsageError(
            f"Vast.ai does not accept the key: {words(body, None)}",
            hint="VAST_API_KEY needs misc, instance_read and instance_write for `up`; docs/keys.md has a table",
        )


def reading(what: str, call: Callable[[], T]) -> T:
    """Run one read through the SDK.

    Raises `Transient` when a retry may help, `CannotObserve` when the response is invalid, `UsageError` for a wrong
    key.
    """
    try:
        return call()
    except requests.HTTPError as error:
        raise _read_error(what, error.response) from error
    except NoAnswer as trouble:
        text = f"Vast.ai did not respond ({what}): {trouble.reason}"
        raise CannotObserve(text, hint=IN_BETWEEN) if trouble.lasting else Transient(text) from None
    except (ValueError, KeyError, TypeError, AttributeError, requests.RequestException) as error:
        raise CannotObserve(f"Vast.ai returned an invalid response ({what}): {type(error).__name__}") from error


def _read_error(what: str, response: requests.Response) -> ErtError:
    body = body_of(response)
    refuse_bad_key(body)
    text = f"Vast.ai could not be read ({what}): {words(body, response.status_code)}"
    if response.status_code in RETRYABLE and body.get("error") != "search_quota_exceeded":
        limited = response.status_code == requests.codes.too_many_requests
        return (TooFrequent if limited else Transient)(text, after=_retry_after(response))
    return CannotObserve(text, hint=SCOPES if response.status_code in FORBIDDEN else "")


def _retry_after(response: requests.Response) -> float | None:
    try:
        return min(120.0, max(0.0, float(response.headers["Retry-After"])))
    except (KeyError, ValueError):
        return None


def date_of(response: requests.Response) -> float | None:
    """Return the `Date` header of a response as Unix time; None without a valid one."""
    try:
        found = parsedate_tz(response.headers.get("Date", ""))
        return float(mktime_tz(found)) if found is not None else None
    except (ValueError, OverflowError):
        return None


def created(call: Callable[[], Any]) -> InstanceId:
    """Run the one create call and return the id. Only `success: true` with an integer id counts as success.

    Raises `OutcomeUnknown` when an instance may exist, `OfferGone` or `CreateRefused` when none was created.
    """
    try:
        body, status = call(), 200
    except requests.HTTPError as error:
        body, status = body_of(error.response), error.response.status_code
    except NoAnswer as trouble:
        raise OutcomeUnknown(f"no valid response to the create call: {trouble.reason}") from None
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutcomeUnknown(f"no valid response to the create call: {type(error).__name__}") from error
    if not isinstance(body, dict):
        raise OutcomeUnknown("no valid response to the create call")
    contract = body.get("new_contract")
    if status == requests.codes.ok and body.get("success") is True and type(contract) is int:
        return InstanceId(str(contract))
    raise _not_created(body, status, leftover=contract is not None)


def manage(instance_id: InstanceId, call: Callable[[], Any]) -> Any:
    """Run a start or stop and return its response, with `success: false` for an error status that is not retryable.

    Raises `Rejected` without the required right, `Gone` for a missing instance, `UsageError` for an invalid key, and
    `requests.HTTPError` when it may be retried or the response has no JSON object.
    """
    try:
        return call()
    except requests.HTTPError as error:
        body = body_of(error.response)
        refuse_bad_key(body)
        if error.response.status_code in FORBIDDEN:
            why = words(body, error.response.status_code)
            raise Rejected(f"this key may not change instance {instance_id} on Vast.ai: {why}", hint=SCOPES) from error
        if error.response.status_code in RETRYABLE or not body:
            raise
        if error.response.status_code == requests.codes.not_found:
            raise Gone(f"instance {instance_id} does not exist") from error
        return {**body, "success": False}


def refuse_unsuccessful(instance_id: InstanceId, verb: str, body: Any) -> None:
    """Check the response to a start or stop. Raise `Transient`, `Failed` or `StartRefused` on failure."""
    if isinstance(body, dict) and body.get("success") is True:
        return
    if not isinstance(body, dict) or body.get("success") is not False:
        raise Transient(f"Vast.ai returned an invalid response ({verb} of instance {instance_id})")
    text = f"Vast.ai does not {verb} instance {instance_id}: {words(body, None)}"
    if body.get("error") in ACCOUNT_ERRORS:
        raise Failed(text, hint=_advice(str(body.get("error"))))
    raise StartRefused(text) if verb == "start" else Transient(text)


def _not_created(body: Mapping[str, Any], status: int, *, leftover: bool) -> ErtError:
    text = words(body, status)
    if leftover or not body:
        return OutcomeUnknown(f"an error that may have left an instance: {text}")
    if "no_such_ask" in f"{body.get('error')} {body.get('msg')}":
        return OfferGone(text)
    if body.get("error") in ACCOUNT_ERRORS or status in BAD_REQUEST:
        return CreateRefused(f"Vast.ai refused it: {text}", hint=_advice(str(body.get("error"))))
    return OutcomeUnknown(text)


def _advice(code: str) -> str:
    if code in ("insufficient_credit", "missing_billing"):
        return "add credit at cloud.vast.ai"
    if code == "spend_rate_limit":
        return "new accounts have a spend-rate cap; contact Vast.ai support to raise it"
    return ""
