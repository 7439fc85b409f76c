"""Fetches the job's identity from GitHub, for AWS, into a file only this user can read.

`aws_token.py FILE` fetches it once; with `--every SECONDS` again and again, until the shell that started it is gone.
boto3 trades the file for a role's session by AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE. The token is never printed,
which is why there is nothing to mask: even `::add-mask::` would print it. Uses the standard library only.

Exit codes: 0 fetched, 2 the job has no permission, 5 GitHub cannot be asked or its answer makes no sense.
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
    """Why there is no token, in one line without a secret, and the exit code for it."""

    def __init__(self, why: str, code: int) -> None:
        super().__init__(why)
        self.code = code


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The request carries a credential: it goes where GitHub said, and nowhere else."""

    def redirect_request(  # noqa: PLR0917 (urllib's signature)
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> None:
        """Never follow."""


def request(env: Mapping[str, str]) -> urllib.request.Request:
    """The question to ask, from what GitHub puts into the environment of a job with `id-token: write`."""
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
    """The token, within TOTAL seconds: an answer that trickles never runs into a socket's time-out. Raises Refused."""
    box: list[str | Refused] = []
    asked = request(env)
    thread = threading.Thread(target=lambda: box.append(_ask(asked)), daemon=True)
    thread.start()
    thread.join(TOTAL)
    if not box:
        raise Refused("GitHub cannot be asked for the job's identity (no answer in time)", 5)
    if isinstance(box[0], Refused):
        raise box[0]
    return box[0]


def _ask(asked: urllib.request.Request) -> str | Refused:
    try:
        with urllib.request.build_opener(_NoRedirect).open(asked, timeout=TIMEOUT) as answer:
            said = json.loads(answer.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        error.close()
        return Refused(f"GitHub refused to identify the job (HTTP {error.code})", 5)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Refused(f"GitHub cannot be asked for the job's identity ({type(error).__name__})", 5)
    token = said.get("value") if isinstance(said, dict) else None
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        return Refused("GitHub's answer holds no token", 5)
    return token


def keep(token: str, path: Path) -> None:
    """Put the token into `path`, mode 0600, so that a reader sees the old one or the new one, never half of one."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    fresh.replace(path)


def renew(path: Path, seconds: float) -> None:
    """Fetch again every `seconds`. A failure is left to the next round: the token at hand may still do."""
    shell = os.getppid()
    never = threading.Event()
    while not never.wait(seconds) and os.getppid() == shell:
        try:
            keep(fetch(os.environ), path)
        except Refused:
            continue


def main(args: list[str]) -> int:
    """`FILE [--every SECONDS]`; the exit code."""
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
