"""The job's identity for AWS, with a token endpoint on loopback in place of GitHub's."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.action.issuer import BEARER, TOKEN, Issuer, environ
from tests.support.action.runner import ROOT

SCRIPT = ROOT / "ci" / "action" / "aws_token.py"


def fetch(url: str, path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(path), *more],
        env=environ(url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert TOKEN not in done.stdout + done.stderr
    assert BEARER not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_the_token_is_in_a_file_for_this_user_only_and_nowhere_else(issuer: Issuer, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("an older one, readable by all")
    path.chmod(0o644)
    done = fetch(issuer.url, path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert path.read_text() == TOKEN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert issuer.asked == [("/idtoken/abc?api-version=2.0&audience=sts.amazonaws.com", f"Bearer {BEARER}")]
    assert [p.name for p in tmp_path.iterdir()] == ["token"]


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refusal_is_one_line(issuer: Issuer, tmp_path: Path, status: int) -> None:
    issuer.status, issuer.body = status, TOKEN.encode()
    done = fetch(issuer.url, tmp_path / "token")
    assert done.returncode == 5
    assert done.stderr == f"error: GitHub rejected the request for the job's identity (HTTP {status})\n"
    assert not (tmp_path / "token").exists()


def test_the_request_token_does_not_follow_a_redirect(issuer: Issuer, tmp_path: Path) -> None:
    issuer.status, issuer.location = 302, issuer.url
    assert fetch(issuer.url, tmp_path / "token").returncode == 5
    assert len(issuer.asked) == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"value": 7}', b'{"value": "a\\nb.c.d"}', b'{"value": "' + b"x" * 70_000]
)
def test_an_answer_without_a_token_is_refused(issuer: Issuer, tmp_path: Path, body: bytes) -> None:
    issuer.body = body
    done = fetch(issuer.url, tmp_path / "token")
    assert done.returncode == 5
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "token").exists()


def test_plain_http_is_for_this_machine_only(tmp_path: Path) -> None:
    done = fetch("http://192.0.2.1/idtoken", tmp_path / "token")
    assert (done.returncode, done.stderr) == (5, "error: ACTIONS_ID_TOKEN_REQUEST_URL is not an https address\n")


def test_a_job_without_the_permission_is_told_which_one(tmp_path: Path) -> None:
    done = fetch("", tmp_path / "token")
    assert done.returncode == 2
    assert "id-token: write" in done.stderr


def test_it_is_renewed_until_the_shell_is_gone(issuer: Issuer, tmp_path: Path) -> None:
    path = tmp_path / "token"
    script = f'"{sys.executable}" -I "{SCRIPT}" "{path}" --every 0.1 & until [ -s "{path}" ]; do :; done; rm "{path}"; '
    script += f'until [ -s "{path}" ]; do :; done'
    # This returns only when the renewing process has closed its end of the pipe, too.
    done = subprocess.run(["bash", "-c", script], env=environ(issuer.url), capture_output=True, timeout=30, check=True)
    assert done.stdout + done.stderr == b""
    assert len(issuer.asked) >= 2
