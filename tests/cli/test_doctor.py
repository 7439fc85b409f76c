"""`doctor`: its text, its JSON and exit code, what `--fix` does, and a bundle without a secret."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ert_deploy.adapters.state.file import StateFile
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.doctor import bundle, examine
from ert_deploy.app.doctor.examine import Diagnosis
from ert_deploy.cli.commands import doctor as command
from ert_deploy.cli.view.causes import cause_lines
from ert_deploy.config import Settings, load
from ert_deploy.core.diagnosis.cause import Cause
from ert_deploy.core.diagnosis.diagnose import diagnose
from ert_deploy.core.diagnosis.evidence import Evidence, Problem, Source
from ert_deploy.core.model.errors import Failed, NeedsAttention
from ert_deploy.core.model.secret import Secret
from ert_deploy.engine.diagnosis.read import read_evidence
from ert_deploy.engine.run import run
from ert_deploy.ports import Audience
from ert_deploy.wiring import Session
from tests.core.diagnosis.test_causes import SINGLE
from tests.engine.test_verdict_read import healthy
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld

CONFIG = """\
deployment: ert
owner: someone
launch: {image: ghcr.io/me/llm:1, model: "gpt-oss:20b"}
offer: {max_dph: 0.40}
render: {services: [{name: dash}]}
"""
SECRETS = ("vast-secret-0123456789abcdef", "rnd_0123456789abcdefghijABCDEFGH", "ert-Q0aZ7pX1bY2cW3dV4eU5fT6gS7hR8iK9")


def ran(monkeypatch: pytest.MonkeyPatch, evidence: Evidence, *args: str) -> tuple[int, str]:
    found = Diagnosis("ert", diagnose(evidence), evidence)
    monkeypatch.setattr(examine, "doctor", lambda *_, **__: found)
    monkeypatch.setattr(examine, "fix", lambda *_, **__: tuple(c for c in found.causes if c.repair))
    result = CliRunner().invoke(command.command, list(args), standalone_mode=True)
    return result.exit_code, result.stdout


def test_nothing_wrong_is_said_with_exit_code_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran(monkeypatch, Evidence()) == (0, "ert: nothing wrong found\n")


@pytest.mark.parametrize("name", SINGLE)
def test_the_first_line_is_the_cause_and_no_line_is_wider_than_80(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code, shown = ran(monkeypatch, SINGLE[name][0])
    lines = shown.splitlines()
    assert code in (5, 6)
    assert lines[0].startswith("1. ")
    assert max(map(len, lines)) <= 80, shown
    assert "fix: " in shown


def test_an_unreadable_provider_wins_over_what_is_only_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    both = replace(SINGLE["wrong key"][0], problems=(Problem(Source.GPU, "no answer"),))
    assert ran(monkeypatch, both)[0] == 5
    assert ran(monkeypatch, SINGLE["wrong key"][0])[0] == 6


def test_the_json_document_has_a_version_and_says_what_may_be_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    code, shown = ran(monkeypatch, SINGLE["wrong key"][0], "--json", "--fix")
    document = json.loads(shown)
    assert (code, document["version"], document["fixed"]) == (6, 1, ["app-key"])
    (cause,) = document["causes"]
    assert (cause["code"], cause["fixable"]) == ("app-key", True)


def test_what_was_fixed_is_said_and_what_can_be_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = ran(monkeypatch, SINGLE["wrong key"][0], "--fix")[1]
    assert shown.startswith("fixed: app config")
    assert "doctor --fix" in shown


def test_a_detail_is_bounded() -> None:
    cause = Cause("launch", 1, "it failed", "why", "fix it", detail="\n".join(map(str, range(99))))
    lines = list(cause_lines((cause,), 80))
    assert len(lines) == 16
    assert "     98" in lines


def test_a_config_that_is_wrong_is_the_cause(tmp_path: Path) -> None:
    path = tmp_path / "ert.yaml"
    path.write_text(CONFIG.replace("max_dph: 0.40", "max_dhp: 0.40"))
    found = examine.doctor(path)
    assert [c.code for c in found.causes] == ["config"]
    assert found.exit_code == 6
    assert "max_dhp" in f"{found.causes[0].seen} {found.causes[0].detail}"


def test_a_config_that_is_wrong_is_in_the_bundle(tmp_path: Path) -> None:
    path = tmp_path / "ert.yaml"
    path.write_text(CONFIG.replace("max_dph", "max_dhp"))
    names = bundle.write_bundle(tmp_path / "b.zip", examine.doctor(path), path)
    assert "config.yaml" in names
    assert "config.yaml" not in bundle.write_bundle(tmp_path / "c.zip", examine.doctor(path), tmp_path / "none.yaml")


def test_a_missing_key_is_the_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAST_API_KEY", raising=False)
    path = tmp_path / "ert.yaml"
    path.write_text(CONFIG)
    found = examine.doctor(path)
    assert [c.code for c in found.causes] == ["setup"]
    assert "VAST_API_KEY" in found.causes[0].seen
    assert examine.fix(path) == ()


def opened_on(made: FakeWorld, folder: Path, text: str = CONFIG) -> Deployment:
    """Return the deployment of a config whose ports are those of a world in memory."""
    path = folder / "ert.yaml"
    path.write_text(text)
    settings = load(path)

    def connector(settings: Settings, audience: Audience, *, start_sandbox: bool, gpu: bool, web: bool) -> Session:
        return Session(settings, WANTED, made.ports)

    return Deployment(settings, connector=connector)


def test_a_state_that_cannot_be_written_is_told_before_what_is_only_known_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    deployment = opened_on(healthy(), tmp_path)
    assert examine.doctor(deployment).causes == ()
    monkeypatch.setattr(StateFile, "unwritable", lambda one: f"{one.where}: cannot be written")
    (cause,) = examine.doctor(deployment).causes
    assert (cause.code, cause.seen) == ("state", ".ert/ert.json: cannot be written")


def test_a_bundle_has_what_explains_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS[0])
    made = healthy()
    first, key = made.gpu.only(), made.web.services["dash"].env[WANTED.targets[0].names.key].reveal()
    planted = (*SECRETS, key, first.order.env["ERT_BOOT_SECRET"])
    made.gpu.log = "\n".join((*(f"CONTAINER_API_KEY={one}" for one in planted[:2]), *planted[2:], "the last words"))
    deployment = opened_on(made, tmp_path, f"# api_key: {SECRETS[0]}\n{CONFIG}# token: {SECRETS[1]}\n# {SECRETS[2]}\n")
    where = tmp_path / "bundle.zip"
    cause = Cause("engine", 1, f"it said {SECRETS[2]}", "", "")
    names = bundle.write_bundle(where, Diagnosis("ert", (cause,), run(read_evidence(WANTED), made.ports)), deployment)
    assert set(names) == {"doctor.json", "environment.json", "config.yaml", "state.json", f"log-{first.id}.txt"}
    assert where.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(where) as archive:
        whole = "\n".join(archive.read(name).decode() for name in archive.namelist())
    assert not [secret for secret in planted if secret in whole]
    for explained in ("AWS_SECRET_ACCESS_KEY", "deployment: ert", "the last words", '"generation"', '"app config"'):
        assert explained in whole
    with pytest.raises(Failed, match=r"bundle\.zip cannot be written"):
        bundle.write_bundle(where, Diagnosis("ert", (), Evidence()))


def test_a_wrong_key_in_an_app_is_fixed_without_a_machine(tmp_path: Path) -> None:
    made = healthy()
    deployment, names = opened_on(made, tmp_path), WANTED.targets[0].names
    made.web.services["dash"].env[names.key] = Secret("ert-" + "A" * 32)
    assert [c.code for c in examine.doctor(deployment).causes] == ["app-key"]
    before = made.gpu.paid()
    assert [c.code for c in examine.fix(deployment)] == ["app-key"]
    assert examine.doctor(deployment).causes == ()
    assert made.gpu.paid() == before
    assert len(made.gpu.instances) == 1
    assert examine.fix(deployment) == ()


def test_a_fix_that_would_need_a_machine_is_refused(tmp_path: Path) -> None:
    made = healthy()
    deployment, names = opened_on(made, tmp_path), WANTED.targets[0].names
    made.web.services["dash"].env[names.key] = Secret("ert-" + "A" * 32)
    (first,) = made.gpu.instances.values()
    first.dph = 5.0
    with pytest.raises(NeedsAttention, match=r"would do more than write variables: rent a machine \("):
        examine.fix(deployment)
    assert len(made.gpu.instances) == 1
