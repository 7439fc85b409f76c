"""Audit log: its contents, the data it must not contain, and detection of changed or missing lines."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from ert_backend.edge.audit import FILE, KEPT, Audit, Broken, main, verify
from ert_backend.edge.key_store import admin_token
from tests.support.backend.rig import KEY, NEXT_KEY, REQUEST, SECRET, Backend

WHO = hashlib.sha256(KEY.encode()).hexdigest()[:8]


def written(folder: Path, count: int, limit: int = 1_000_000, who: str = WHO) -> Path:
    audit = Audit(folder, limit)
    for number in range(count):
        audit.record(who, "POST /reports", 202, number=number)
    audit.close()
    return folder / FILE


def test_a_whole_log_verifies_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    written(tmp_path, 3)
    path = written(tmp_path, 2)
    assert verify([path])[0] == 5
    first = json.loads(path.read_text().splitlines()[0])
    assert set(first) == {"n", "at", "who", "what", "outcome", "number", "prev", "hash"}
    assert (first["n"], first["who"], first["prev"]) == (1, WHO, "0" * 64)
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_changed_removed_moved_or_added_line_is_found(tmp_path: Path) -> None:
    path = written(tmp_path, 6)
    lines = path.read_text().splitlines(keepends=True)
    damaged = [[*lines[:i], *lines[i + 1 :]] for i in range(6)]
    changes = (('"outcome":202', '"outcome":401'), ('"at":"20', '"at":"19'), (WHO, "deadbeef"), ("reports", "report"))
    damaged += [[*lines[:i], lines[i].replace(*c), *lines[i + 1 :]] for i in range(6) for c in changes]
    damaged += [[*lines[:i], lines[i], *lines[i:]] for i in range(6)]
    damaged += [[lines[1], lines[0], *lines[2:]], lines[3:], lines[:3], [*lines, "{}\n"], [*lines, "x"]]
    for some in damaged:
        path.write_text("".join(some))
        with pytest.raises(Broken):
            verify([path])
    path.write_text("".join(lines))
    assert verify([path])[0] == 6


def test_a_rehashed_line_breaks_the_next_one_and_a_rewritten_log_the_head(tmp_path: Path) -> None:
    path = written(tmp_path, 4)
    head = verify([path])[1]
    (tmp_path / "other").mkdir()
    forged = written(tmp_path / "other", 4, who="somebody")
    path.write_bytes(forged.read_bytes())
    with pytest.raises(Broken, match="missing"):
        verify([path])
    (tmp_path / f"{FILE}.head").unlink()
    with pytest.raises(Broken, match="given hash"):
        verify([path], head)


def test_half_a_line_of_a_crash_is_cut_off_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    with path.open("ab") as file:
        file.write(b'{"n":3,"at":"2026')
    written(tmp_path, 1)
    outcomes = [json.loads(line)["outcome"] for line in path.read_text().splitlines()]
    assert outcomes == [202, 202, "an incomplete line was removed", 202]
    assert verify([path])[0] == 4


def test_the_size_is_bounded_and_the_chain_goes_through_all_files(tmp_path: Path) -> None:
    path = written(tmp_path, 200, limit=4096)
    files = [path.with_name(f"audit.{number}.jsonl") for number in range(KEPT, 0, -1)]
    kept = [*(file for file in files if file.exists()), path]
    assert len(kept) == KEPT + 1
    assert sum(file.stat().st_size for file in kept) < 6 * 4096
    count, head = verify(kept)
    assert json.loads(path.read_text().splitlines()[-1])["hash"] == head
    assert 0 < count < 210
    with pytest.raises(Broken):
        verify([kept[0], *kept[2:]])
    for file in kept:
        assert verify([file])[0] > 0


def test_a_disk_that_fails_is_counted_and_stops_nothing(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "absent", 4096)
    audit.record("-", "service", "started")
    assert audit.failures == 2
    (tmp_path / "absent").mkdir()
    audit.record("-", "service", "started")
    audit.close()
    assert verify([tmp_path / "absent" / FILE])[0] == 1


def test_the_command_says_whether_it_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, 3)
    assert main(["verify", str(path)]) == 0
    head = capsys.readouterr().out.split()[-1]
    assert main(["verify", str(path), "--head", head]) == 0
    assert main(["verify", str(path), "--head", "0" * 64]) == 1
    path.write_text(path.read_text().replace('"outcome":202', '"outcome":200', 1))
    assert main(["verify", str(path)]) == 1
    assert "line 1: was changed" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "nothing")]) == 2
    assert main([]) == 2


def test_it_runs_as_a_command_of_the_image(tmp_path: Path) -> None:
    image = Path(__file__).parents[2] / "images" / "llm-backend"
    command = [sys.executable, "-m", "ert_backend.edge.audit", "verify", str(written(tmp_path, 2))]
    done = subprocess.run(command, cwd=image, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout[:13]) == (0, "ok: 2 records")


def test_it_tells_who_did_what_and_no_secret_and_no_body(backend: Backend, tmp_path: Path) -> None:
    admin = admin_token(bytes.fromhex(SECRET))
    canary = {**REQUEST, "id": "canary-7", "company_data": {"longName": "canary-7"}}
    with backend.client() as client, backend.client("wrong canary-7") as stranger, backend.client(admin) as owner:
        client.get("/status")
        client.get("/status")
        client.post("/reports", json=canary)
        client.post("/reports", json={"ticker": "canary-7"})
        client.get("/reports/canary-7")
        stranger.post("/reports", json=canary)
        hashes = [hashlib.sha256(key.encode()).hexdigest() for key in (KEY, NEXT_KEY)]
        owner.put("/admin/keys", json={"generation": 1, "hashes": hashes})
        head = owner.get("/admin/audit").json()
    path = tmp_path / FILE
    rows = [(row["who"], row["what"], row["outcome"]) for row in map(json.loads, path.read_text().splitlines())]
    assert rows[:6] == [
        ("-", "service", "started"),
        (WHO, "GET /status", 200),
        (WHO, "POST /reports", 202),
        (WHO, "POST /reports", 422),
        ("-", "/reports", 401),
        ("admin", "keys", f"{hashes[0][:8]},{hashes[1][:8]}"),
    ]
    assert (rows[6][0], rows[6][1]) == ("admin", "PUT /admin/keys")
    assert head["records"] >= 7
    text = path.read_text()
    assert not any(word in text for word in ("canary", KEY, SECRET, admin))


def test_strangers_cannot_fill_it(backend: Backend, tmp_path: Path) -> None:
    for number in range(60, 150):
        transport = httpx.HTTPTransport(verify=backend.tls, local_address=f"127.0.3.{number}")
        with httpx.Client(transport=transport, base_url=backend.url, trust_env=False) as stranger:
            assert stranger.get("/status").status_code == 401
    assert len((tmp_path / FILE).read_text().splitlines()) < 80
