"""Secret-file handlers of a service: all at once, or one by name. Writing does not deploy."""

from __future__ import annotations

from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.models import Service
from ert_deploy.sandbox.render.pagination import bad_request, json_object, json_value, not_found, page, wrapped
from ert_deploy.sandbox.render.platform import Platform, Table
from ert_deploy.sandbox.render.records import SecretFile

LARGEST = 1_000_000  # bytes of all files together (render.com/docs/configure-environment-variables)


def parse_files(given: Any) -> dict[str, str]:
    """Parse a list of `{"name", "content"}`, keeping the order. Raises a 400 `ApiError`."""
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise bad_request("invalid JSON: expected an array of name and content")
    return within({name_of(item.get("name")): content_of(item) for item in given})


# F47
def name_of(name: Any) -> str:
    """Return a valid file name; Render's own restrictions are not documented. Raises a 400 `ApiError`."""
    if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\0" in name or len(name.encode()) > 255:
        raise bad_request("invalid secret file name")
    return name


def content_of(given: dict[str, Any]) -> str:
    """Return the `content` of a file. Raises a 400 `ApiError`."""
    content = given.get("content")
    if not isinstance(content, str):
        raise bad_request("content must be a string")
    return content


def within(files: dict[str, str]) -> dict[str, str]:
    """Return the files. Raises a 400 `ApiError` when they are too large together."""
    if sum(len(content.encode(errors="surrogatepass")) for content in files.values()) > LARGEST:
        raise bad_request("secret files are larger than 1 MB")
    return files


def replace_files(platform: Platform, service: Service, files: dict[str, str]) -> None:
    """Replace all secret files of the service."""
    with platform.store.lock:
        seq = platform.store.next_seq
        service.secret_files = {name: SecretFile(seq(), name, content) for name, content in files.items()}


def list_secret_files(platform: Platform, request: Request) -> Reply:
    """Return one page of the service's secret files."""
    service = platform.service(request)
    with platform.store.lock:
        return page(request, "secretFile", [(f.seq, _shown(f)) for f in service.secret_files.values()])


def put_secret_files(platform: Platform, request: Request) -> Reply:
    """Replace all secret files, also with `null` and `[]`."""
    service = platform.service(request)
    replace_files(platform, service, parse_files(json_value(request) or []))
    with platform.store.lock:
        return Reply.json([wrapped("secretFile", f.seq, _shown(f)) for f in service.secret_files.values()])


def get_secret_file(platform: Platform, request: Request) -> Reply:
    """Return one secret file."""
    service, name = platform.service(request), request.params["name"]
    with platform.store.lock:
        if name not in service.secret_files:
            raise not_found(name)
        return Reply.json(_shown(service.secret_files[name]))


def put_secret_file(platform: Platform, request: Request) -> Reply:
    """Create or update one secret file; the status is 201 for both."""
    service, name = platform.service(request), name_of(request.params["name"])
    content = content_of(json_object(request))
    with platform.store.lock:
        within({f.name: f.content for f in service.secret_files.values()} | {name: content})
        known = service.secret_files.get(name)
        service.secret_files[name] = SecretFile(known.seq if known else platform.store.next_seq(), name, content)
        return Reply.json(_shown(service.secret_files[name]), 201)


def delete_secret_file(platform: Platform, request: Request) -> Reply:
    """Delete one secret file; 404 if it does not exist."""
    service, name = platform.service(request), request.params["name"]
    with platform.store.lock:
        if service.secret_files.pop(name, None) is None:
            raise not_found(name)
    return Reply(204)


def _shown(item: SecretFile) -> dict[str, str]:
    return {"name": item.name, "content": item.content}


ROUTES: Table = (
    ("GET", "/services/{service}/secret-files", "list_secret_files", list_secret_files),
    ("PUT", "/services/{service}/secret-files", "put_secret_files", put_secret_files),
    ("GET", "/services/{service}/secret-files/{name}", "get_secret_file", get_secret_file),
    ("PUT", "/services/{service}/secret-files/{name}", "put_secret_file", put_secret_file),
    ("DELETE", "/services/{service}/secret-files/{name}", "delete_secret_file", delete_secret_file),
)
