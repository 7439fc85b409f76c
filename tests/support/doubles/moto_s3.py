"""An S3 on loopback (moto's), and a client wrapper that drops or delays responses or ignores conditions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing-secret-canary", "AWS_REGION": "us-east-1"}
BUCKETS = itertools.count(1)


@contextmanager
def running() -> Iterator[str]:
    """Run a server on a free port; yield its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def client(url: str) -> Any:
    """Return an unwrapped client of that server."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=url,
        region_name=KEYS["AWS_REGION"],
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10),
    )


@contextmanager
def connected() -> Iterator[Any]:
    """Run a server and yield an unwrapped client of it."""
    with running() as url:
        plain = client(url)
        try:
            yield plain
        finally:
            plain.close()


def bucket(s3: Any, *, versioned: bool = True) -> str:
    """Create a bucket and return its name."""
    name = f"ert-state-{next(BUCKETS)}"
    s3.create_bucket(Bucket=name)
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def refused(code: str, status: int) -> ClientError:
    """Return the error of an unsuccessful response."""
    about = {"HTTPStatusCode": status, "RequestId": "r-1"}
    return ClientError({"Error": {"Code": code, "Message": "said so"}, "ResponseMetadata": about}, "Call")


def timeout() -> ReadTimeoutError:
    """Return the error of a response that did not arrive in time."""
    return ReadTimeoutError(endpoint_url="http://127.0.0.1")


@dataclass
class Flaky:
    """A client that fails call by call: `queued` contains (before or after the effect, the error) by operation.

    A callable in place of the error is called and the call continues. With "page" the error is ignored: the call takes
    effect, and the result is what boto3 makes of a 200 with a gateway's HTML. `deaf` removes the conditions of writes.
    """

    real: Any
    queued: dict[str, list[tuple[str, Exception | Callable[[], object]]]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    deaf: bool = False

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(*names: Any, **arguments: Any) -> Any:
            self.calls.append(operation)
            waiting = self.queued.get(operation)
            when, trouble = waiting.pop(0) if waiting else ("", None)
            if self.deaf:
                arguments = {k: v for k, v in arguments.items() if k not in ("IfMatch", "IfNoneMatch")}
            if when == "before" and trouble is not None:
                _strike(trouble)
            answer = getattr(self.real, operation)(*names, **arguments)
            if when == "page":
                return {"ResponseMetadata": {"HTTPStatusCode": 200}}
            if when == "after" and trouble is not None:
                _strike(trouble)
            return answer

        return call


def _strike(trouble: Exception | Callable[[], object]) -> None:
    if isinstance(trouble, Exception):
        raise trouble
    trouble()
