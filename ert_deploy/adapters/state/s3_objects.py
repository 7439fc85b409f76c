"""S3 objects: gets and conditionally puts small objects in one bucket. Only this module imports boto3.

Reads are retried with the injected clock. A write is sent exactly once (boto3's own retries are disabled): the caller
determines whether it was carried out if there was no response.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from ert_deploy.adapters import bounded_http
from ert_deploy.adapters.extras import part_of
from ert_deploy.adapters.state import s3_http
from ert_deploy.adapters.state.document import MAX_BYTES
from ert_deploy.adapters.state.objects import Found, NoAnswer, Unmet, repeated
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.stored import StoredVersion
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Clock

T = TypeVar("T")
UNMET = frozenset({"PreconditionFailed", "412"})
# A conditional write that conflicts with another one fails with 409 and may be retried (S3 user guide).
PASSING_CODES = frozenset({"ConditionalRequestConflict", "OperationAborted", "SlowDown", "RequestTimeout"})
PASSING = frozenset({408, 429, 500, 502, 503, 504})
RIGHTS = (
    "they need s3:GetObject, s3:PutObject and s3:DeleteObject on it, s3:ListBucket on the bucket (without that, S3 "
    "reports a missing object as denied), and the permissions for its KMS key if it has one"
)
KEYS = "they are read from boto3's usual places: environment, profile, SSO or the role of the machine"
REGION = "set AWS_REGION to the bucket's region"
HINTS = {
    "NoSuchBucket": ("the bucket does not exist", "create it, with versioning, or fix `state` in the config"),
    "AccessDenied": ("the credentials are not allowed to", RIGHTS),
    "AllAccessDisabled": ("the credentials are not allowed to", RIGHTS),
    "InvalidAccessKeyId": ("the credentials are not accepted", KEYS),
    "SignatureDoesNotMatch": ("the credentials are not accepted", KEYS),
    "ExpiredToken": ("the credentials have expired", KEYS),
    "InvalidToken": ("the credentials are not accepted", KEYS),
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "set it, S3 accepts 15 minutes"),
    "PermanentRedirect": ("the bucket is in another region", REGION),
    "AuthorizationHeaderMalformed": ("the bucket is in another region", REGION),
    "IllegalLocationConstraintException": ("the bucket is in another region", REGION),
    "NotImplemented": ("this store cannot write on a condition", "use one that can: AWS S3, MinIO, R2"),
}


class S3Objects:
    """Implements `Objects` with one bucket. `endpoint_url` and `region` default to those of boto3's environment."""

    service = "S3"
    always_conditional = False  # some implementations of S3 ignore conditions

    def __init__(
        self, bucket: str, clock: Clock, endpoint_url: str | None = None, region: str | None = None, client: Any = None
    ) -> None:
        self.bucket = bucket
        self.clock = clock
        self._client = client if client is not None else _make_client(endpoint_url, region)

    def where(self, key: str) -> str:
        """Return the URL of an object."""
        return f"s3://{self.bucket}/{key}"

    def get(self, key: str) -> Found | None:
        """Return an object; None if the store reports that it does not exist. Raise `CannotObserve` or `UsageError`."""
        return self._repeated(f"read {self.where(key)}", lambda: self._get(key))

    def put(self, key: str, body: bytes, etag: str | None, mark: str) -> str:
        """Write once, if the object has that ETag or (None) does not exist, and return the new ETag.

        Raises `Unmet`, `NoAnswer` or `UsageError`.
        """
        condition = {"IfMatch": etag} if etag is not None else {"IfNoneMatch": "*"}
        with self._explained(f"write {self.where(key)}"):
            answer = self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType="application/json",
                Metadata={"ert-mark": mark},
                **condition,
            )
            return str(answer["ETag"])

    def delete(self, key: str, etag: str) -> None:
        """Delete once, if the object has that ETag. Raise `Unmet`, `NoAnswer` or `UsageError`."""
        with self._explained(f"delete {self.where(key)}"):
            self._client.delete_object(Bucket=self.bucket, Key=key, IfMatch=etag)

    def must_keep_versions(self) -> None:
        """Require versioning for a new state only: an existing deployment must always be removable."""
        if self.keeps_versions() is False:
            raise UsageError(
                f"the bucket {self.bucket} keeps no versions, so a state that was deleted could not be had back",
                hint=f"aws s3api put-bucket-versioning --bucket {self.bucket} "
                "--versioning-configuration Status=Enabled",
            )

    def keeps_versions(self) -> bool | None:
        """Whether versioning is enabled; None without permission to read it. Raise `CannotObserve` or `UsageError`."""

        def ask() -> bool:
            with self._explained(f"read the versioning of {self.bucket}"):
                return bool(self._client.get_bucket_versioning(Bucket=self.bucket).get("Status") == "Enabled")

        try:
            return self._repeated(f"read the versioning of {self.bucket}", ask)
        except UsageError as error:
            if error.detail.startswith(("AccessDenied", "NotImplemented")):
                return None
            raise

    def versions(self, key: str) -> tuple[StoredVersion, ...]:
        """Return all versions of a key, newest first. Raise `CannotObserve` or `UsageError`."""
        return self._repeated(f"list the versions of {self.where(key)}", lambda: tuple(self._versions(key)))

    def _get(self, key: str) -> Found | None:
        try:
            with self._explained(f"read {self.where(key)}"):
                answer = self._client.get_object(Bucket=self.bucket, Key=key)
                with answer["Body"] as body:
                    raw = body.read(MAX_BYTES + 1)
                return Found(raw, str(answer["ETag"]), str(answer.get("Metadata", {}).get("ert-mark", "")))
        except Unmet:
            return None

    def _versions(self, key: str) -> Iterator[StoredVersion]:
        with self._explained(f"list the versions of {self.where(key)}"):
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=key)
            rows = [
                (row, kind) for page in pages for kind in ("Versions", "DeleteMarkers") for row in page.get(kind, [])
            ]
        for row, kind in sorted(rows, key=lambda x: (x[0]["LastModified"], x[0]["IsLatest"]), reverse=True):
            if row["Key"] == key:
                what = "deleted" if kind == "DeleteMarkers" else "current" if row["IsLatest"] else "earlier"
                yield StoredVersion(str(row["VersionId"]), row["LastModified"].timestamp(), row.get("Size", 0), what)

    def _repeated(self, what: str, call: Callable[[], T]) -> T:
        return repeated(what, call, self.clock, "check the network and AWS_ENDPOINT_URL_S3, then run it again")

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Convert every boto3 exception to one of this package. The messages of boto3 contain no key."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
        from botocore.exceptions import ConnectionError as NoConnection
        from botocore.parsers import ResponseParserError

        try:
            yield
        except ClientError as error:
            raise _answered(what, error.response) from None
        except (NoConnection, HTTPClientError, IncompleteReadError, ResponseParserError) as error:
            raise NoAnswer(printable(error)) from None
        except bounded_http.NoAnswer as trouble:
            if trouble.lasting and not trouble.sent:
                raise UsageError(
                    f"cannot {what}", trouble.reason, "check AWS_ENDPOINT_URL_S3 and AWS_CA_BUNDLE"
                ) from None
            raise NoAnswer(trouble.reason) from None
        except KeyError as error:  # 200 with the page of a gateway: boto3 accepts any response
            raise NoAnswer(f"a response without {printable(error)}") from None
        except (BotoCoreError, ValueError) as error:
            raise UsageError(f"cannot {what}", printable(error), KEYS) from None


def _answered(what: str, response: Mapping[str, Any]) -> Exception:
    """Convert an error response to an exception."""
    error, about = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, status = str(error.get("Code", "")), int(about.get("HTTPStatusCode", 0))
    said = printable(f"{code} ({status}): {error.get('Message', '')}; request {about.get('RequestId', 'without id')}")
    if code in UNMET or code == "NoSuchKey":
        return Unmet(said)
    if code in PASSING_CODES or status in PASSING or (status == 409 and code not in HINTS):
        return NoAnswer(said)
    if 300 <= status < 400 and code not in HINTS:
        return NoAnswer(f"it was redirected, which is not followed: {said}")
    why, hint = HINTS.get(code, ("it was rejected", "see the error of S3"))
    return UsageError(f"cannot {what}: {why}", said, hint)


def _make_client(endpoint_url: str | None, region: str | None) -> Any:
    with part_of("s3", "state in S3"):
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    config = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        request_checksum_calculation="when_required",  # other S3 implementations do not support the newer checksums
        response_checksum_validation="when_required",
    )
    try:
        session = boto3.session.Session()
        s3_http.install(session)
        client = session.client("s3", endpoint_url=endpoint_url, region_name=region, config=config)
        client.meta.events.register_first("before-send.s3", _hold_token)
        _hold_stored(session)
    except (BotoCoreError, ValueError) as error:
        raise UsageError("S3 cannot be used", printable(error), KEYS) from None
    _refuse_plain_http(client.meta.endpoint_url)
    return client


def _refuse_plain_http(endpoint: str) -> None:
    """Reject plain http, over which the state could be read and modified in transit. Raise `UsageError`."""
    if endpoint.lower().startswith("https:") or bounded_http.is_loopback(endpoint):
        return
    raise UsageError(
        f"the state would go to {printable(endpoint, 100)} over plain http",
        "anyone on the network path could read and replace it",
        "write https:// in AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or the endpoint_url of the profile",
    )


def _hold_stored(session: Any) -> None:
    """Redact stored keys in messages; the secret key of fetched credentials is never sent, only their token."""
    from botocore.credentials import RefreshableCredentials

    found = session.get_credentials()
    if found is not None and not isinstance(found, RefreshableCredentials):
        redaction.hold(found.secret_key or "", found.token or "")


def _hold_token(request: Any, **_: Any) -> None:
    """Redact the session token in messages when it is sent."""
    token = request.headers.get("X-Amz-Security-Token") or b""
    redaction.hold(token.decode() if isinstance(token, bytes) else str(token))
