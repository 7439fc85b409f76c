"""AWS web identity token: requests the job's OIDC token from GitHub and writes it to a file with mode 0600.

`aws_token.py FILE` fetches it once; with `--every SECONDS` repeatedly, until the parent shell exits. boto3 exchanges it
for role credentials (AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE). The token is never written to the log, so it needs
no masking: even `::add-mask::` would log it. Standard library only.

Exit codes: 0 success, 2 missing permission of the job, 5 request failed, invalid response, or unwritable file.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import urlencode, urlsplit

AUDIENCE = "sts.amazonaws.com"
TIMEOUT, TOTAL = 20.0, 30.0  # seconds between two bytes, and for all of them
MOST_BYTES = 64 * 1024
LOOPBACK = ("127.0.0.1", "::1", "localhost")
TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Refused(Exception):
    """Raised when no token is available: a one-line message without a secret, and the exit code."""

    def __init__(self, why: str, code: int) -> None:
        super().__init__(why)
        self.code = code


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirect handler that never redirects: the request contains a credential for this URL only."""

    def redirect_request(  # noqa: PLR0917 (urllib's signature)
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> None:
        """Return None: do not redirect."""


def request(env: Mapping[str, str]) -> urllib.request.Request:
    """Build the request from the environment of a job with `id-token: write`; raise `Refused`."""
    url, bearer = env.get("ACTIONS_ID_TOKEN_REQUEST_URL", ""), env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
    if not url or not bearer:
        raise Refused("the job has no identity to show; it needs `permissions: id-token: write`", 2)
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise Refused("ACTIONS_ID_TOKEN_REQUEST_URL is not an https address", 5)
    asked = f"{url}{'&' if parts.query else '?'}{urlencode({'audience': AUDIENCE})}"
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json"}
    return urllib.request.Request(asked, headers=headers)  # noqa: S310 (https, or this machine: checked above)


def fetch(env: Mapping[str, str]) -> str:
    """Return the token within TOTAL seconds, which a socket timeout does not enforce; raise `Refused`."""
    box: list[str | Refused] = []
    asked = request(env)
    thread = threading.Thread(target=lambda: box.append(_ask(asked)), daemon=True)
    thread.start()
    thread.join(TOTAL)
    if not box:
        raise Refused("GitHub did not return the job's identity in time", 5)
    if isinstance(box[0], Refused):
        raise box[0]
    return box[0]


def _ask(asked: urllib.request.Request) -> str | Refused:
    try:
        with urllib.request.build_opener(_NoRedirect).open(asked, timeout=TIMEOUT) as answer:
            said = json.loads(answer.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        error.close()
        return Refused(f"GitHub rejected the request for the job's identity (HTTP {error.code})", 5)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Refused(f"GitHub cannot be reached for the job's identity ({type(error).__name__})", 5)
    token = said.get("value") if isinstance(said, dict) else None
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        return Refused("GitHub's response has no token", 5)
    return token


def keep(token: str, path: Path) -> None:
    """Write the token to `path` with mode 0600, atomically."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    fresh.replace(path)


def renew(path: Path, seconds: float) -> None:
    """Fetch the token every `seconds` until the parent exits. Errors are ignored until the next attempt."""
    shell = os.getppid()
    never = threading.Event()
    while not never.wait(seconds) and os.getppid() == shell:
        try:
            keep(fetch(os.environ), path)
        except Refused:
            continue


def main(args: list[str]) -> int:
    """Run with the arguments `FILE [--every SECONDS]` and return the exit code."""
    path = Path(args[0])
    try:
        if args[1:2] == ["--every"]:
            renew(path, float(args[2]))
        else:
            keep(fetch(os.environ), path)
    except Refused as why:
        sys.stderr.write(f"error: {why}\n")
        return why.code
    except OSError as error:
        sys.stderr.write(f"error: the token cannot be kept in a file ({type(error).__name__})\n")
        return 5
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
