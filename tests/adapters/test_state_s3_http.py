"""boto3 as configured here: it sends through the HTTP exchange, and no response redirects it to another endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ert_deploy.adapters import bounded_http
from ert_deploy.adapters.state import s3_http
from ert_deploy.adapters.state.objects import NoAnswer, Unmet
from ert_deploy.adapters.state.s3_objects import S3Objects
from ert_deploy.core.model.errors import CannotObserve, ErtError, UsageError
from tests.support.certificates.ip_bound import pair
from tests.support.doubles import moto_s3
from tests.support.doubles.scripted_http import Answer, scripted
from tests.support.fakes.timing import FakeClock

REDIRECT = b"<Error><Code>%s</Code><Message>elsewhere</Message><Endpoint>evil.example</Endpoint></Error>"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in moto_s3.KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with moto_s3.running() as url:
        yield url


@pytest.fixture
def objects(url: str) -> Iterator[S3Objects]:
    plain = moto_s3.client(url)
    yield S3Objects(moto_s3.bucket(plain), FakeClock(), url)
    plain.close()


def test_an_object_is_written_read_and_deleted_on_its_conditions(objects: S3Objects) -> None:
    key = "teams/ert \u00e4+~.json"
    first = objects.put(key, b'{"a": 1}', None, "mark-1")
    with pytest.raises(Unmet):
        objects.put(key, b"{}", None, "mark-2")
    second = objects.put(key, b"x" * 3_000_000, first, "mark-3")
    found = objects.get(key)
    assert found is not None
    assert (found.body, found.etag, found.mark) == (b"x" * 3_000_000, second, "mark-3")
    assert objects.keeps_versions() is True
    objects.delete(key, second)
    assert objects.get(key) is None
    assert [version.kind for version in objects.versions(key)] == ["deleted", "earlier", "earlier"]


def test_every_call_goes_through_the_exchange(objects: S3Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.httpsession import URLLib3Session

    monkeypatch.setattr(URLLib3Session, "send", lambda *_: pytest.fail("boto3 sent by itself"))
    etag = objects.put("k", b"{}", None, "m")
    assert objects.get("k") is not None
    assert objects.keeps_versions() is True
    assert objects.versions("k")
    objects.delete("k", etag)


CALLS: dict[str, Callable[[S3Objects], Any]] = {
    "get": lambda objects: objects.get("k"),
    "put": lambda objects: objects.put("k", b"{}", None, "m"),
    "delete": lambda objects: objects.delete("k", '"1"'),
    "versioning": lambda objects: objects.keeps_versions(),
    "versions": lambda objects: objects.versions("k"),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("status", "region"), [(302, ""), (301, "eu-west-1"), (307, "x@evil.example#")])
def test_a_redirect_leads_nowhere(name: str, status: int, region: str) -> None:
    with scripted({"*": Answer(200, b"{}")}) as other:
        headers = {"Location": other.url + "/k"} | ({"x-amz-bucket-region": region} if region else {})
        with scripted({"*": Answer(status, REDIRECT % b"TemporaryRedirect", headers, kind="application/xml")}) as s3:
            with pytest.raises((ErtError, NoAnswer)):
                CALLS[name](S3Objects("bucket", FakeClock(), s3.url))
            assert s3.seen
    assert not other.seen


@pytest.mark.parametrize("region", ["eu-west-1", "evil.example/", "amazonaws.com.evil.example"])
def test_a_bucket_in_another_region_is_looked_for_at_aws_alone(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[str] = []

    def answer(method: str, url: str, *_: Any, **__: Any) -> bounded_http.Reply:
        hosts.append(urlsplit(url).hostname or "")
        body = REDIRECT % b"PermanentRedirect"
        return bounded_http.Reply(301, {"x-amz-bucket-region": region, "Location": "https://evil.example/k"}, body)

    monkeypatch.setattr(s3_http, "exchange", answer)
    with pytest.raises((ErtError, NoAnswer)):
        S3Objects("bucket", FakeClock(), None, "us-east-1").put("k", b"{}", None, "m")
    assert 1 <= len(hosts) <= 2
    assert all(host.endswith(".amazonaws.com") for host in hosts), hosts


def test_a_redirected_write_may_have_been_carried_out_by_nobody_knows_whom() -> None:
    with scripted({"*": Answer(302, b"", {"Location": "http://127.0.0.1:9/"})}) as s3:
        with pytest.raises(NoAnswer, match="redirected"):
            S3Objects("bucket", FakeClock(), s3.url).put("k", b"{}", None, "m")
        with pytest.raises(CannotObserve):
            S3Objects("bucket", FakeClock(), s3.url).get("k")


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_private_authority_is_trusted_when_it_is_named(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    bundle = tmp_path / "ca.pem"
    bundle.write_text(pair().pem)
    with scripted({"*": Answer(200, b"{}", {"ETag": '"1"'})}, tls=pair().context()) as s3:
        with pytest.raises(UsageError) as caught:
            S3Objects("bucket", FakeClock(), s3.url).get("k")
        assert "certificate is not trusted" in caught.value.detail
        monkeypatch.setenv(variable, str(bundle))
        assert S3Objects("bucket", FakeClock(), s3.url).get("k") is not None


def test_a_state_that_is_too_large_is_not_read_to_its_end() -> None:
    large = Answer(200, b" " * 9_000_000, {"ETag": '"1"'})
    with scripted({"*": large}) as s3, pytest.raises(CannotObserve, match="cannot read") as caught:
        S3Objects("bucket", FakeClock(), s3.url).get("k")
    assert "larger than" in caught.value.detail
