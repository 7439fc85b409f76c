"""Where the config has the keys of the apps kept, and which custody the wiring takes for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ert_deploy.adapters.custody.app import AppCustody
from ert_deploy.adapters.custody.file import FileCustody
from ert_deploy.adapters.custody.keyring import KeyringCustody
from ert_deploy.adapters.custody.web import CustodyWeb
from ert_deploy.config import ConfigProblems, custody_folder, parse
from ert_deploy.core.model.secret import Secret
from ert_deploy.stores import with_custody
from tests.support.contract.key_custodies import Hiding
from tests.support.fakes.loopback import world

Change = Callable[[str, str], str]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("", AppCustody), ("keys: null\n", AppCustody), ("keys: {custody: app}\n", AppCustody),
     ("keys: {custody: keyring}\n", KeyringCustody), ("keys: {custody: file}\n", FileCustody)],
)  # fmt: skip
def test_the_config_chooses_the_custody(good: str, text: str, kind: type) -> None:
    made = world()
    host = with_custody(parse(good + text, Path("c")), made.web, made.store)
    assert isinstance(host, CustodyWeb)
    assert type(vars(host)["_custody"]) is kind


def test_files_are_kept_beside_the_state_by_deployment_or_where_the_config_says(good: str) -> None:
    assert custody_folder(parse(good + "keys: {custody: file}\n", Path("c"))) == Path(".ert/ert.keys")
    named = parse(good + 'keys: {custody: file, folder: "/k/{deployment}"}\n', Path("c"))
    assert custody_folder(named) == Path("/k/ert")


@pytest.mark.parametrize(
    ("text", "said"),
    [("keys: {custody: vault}", "is not one of app, keyring, file"), ("keys: {custody: App}", "did you mean app?"),
     ("keys: {folder: /k}", "no files are kept with keys/custody: app"), ("keys: {key: x}", "there is no such key"),
     ("keys: {custody: keyring, folder: /k}", "no files are kept with keys/custody: keyring")],
)  # fmt: skip
def test_what_cannot_be_is_refused(good: str, text: str, said: str) -> None:
    with pytest.raises(ConfigProblems) as refused:
        parse(f"{good}{text}\n", Path("c"))
    assert said in f"{refused.value.summary} {refused.value.detail} {refused.value.hint}"


def test_by_default_nothing_is_kept_and_a_host_that_shows_is_read_as_it_is(
    good: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = world("ert", "ert-dashboard")
    host = with_custody(parse(good, Path("c")), made.web, made.store)
    service = host.service("ert-dashboard")
    host.put_env(service.id, "ERT_LLM_API_KEY", Secret("k"))
    calls = len(made.store.faults.calls)
    assert host.read_env(service.id) == made.web.read_env(service.id)
    assert len(made.store.faults.calls) == calls, "the state is not asked where nothing is hidden"
    assert list(tmp_path.iterdir()) == []


def test_files_work_from_the_config_on(good: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = world("ert", "ert-dashboard")
    settings = parse(good + "keys: {custody: file}\n", Path("c"))
    host = with_custody(settings, Hiding(made.web), made.store)
    service = host.service("ert-dashboard")
    host.put_env(service.id, "ERT_LLM_API_KEY", Secret("k"))
    assert host.read_env(service.id)["ERT_LLM_API_KEY"] == Secret("k")
    assert Path(".ert/ert.keys", f"{service.id}.json").stat().st_mode & 0o777 == 0o600
