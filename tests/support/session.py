"""Pytest plugin for the whole run: test distribution, the slowest modules, and tests that must not be skipped.

Environment: `ERT_PARTS` names a file to which the seconds of every module are appended (`.ci/run` lists the longest).
`ERT_NO_SKIPS` makes a run fail in which a test was skipped because a program is missing, and reports the test.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

SHOWN = 10
ROOT = Path(__file__).resolve().parents[2]
# Modules that use one server: the second runs where the first does.
TOGETHER = {"tests/dashboard/test_dashboard_stores.py": "tests/dashboard/test_dashboard_database.py"}
SHARED_FIXTURE = 'scope="module"'
# Excluded from `make unit`: tests that start processes, run long histories, or take seconds each.
PROCESS_FOLDERS = frozenset({
    "abuse", "action", "browser", "e2e", "guard_stats", "image", "job_schedules", "kills", "mutation", "sandbox",
    "secrets",
    "simulation", "upgrade",
})  # fmt: skip
PROCESS_MODULES = frozenset({
    "adapters/test_render_field_problems", "adapters/test_render_platform_faults", "adapters/test_render_with_double",
    "adapters/test_ledger_stores", "adapters/test_ssh_shell", "adapters/test_state_s3", "adapters/test_state_stores",
    "adapters/test_vast_contract",
    "backend/test_guard_process", "cli/test_init",
    "cli/test_ssh", "cli/test_state_commands", "config/test_config_process", "dashboard/test_dashboard_gunicorn",
    "dashboard/test_dashboard_memory", "dashboard/test_dashboard_stores", "dashboard/test_dashboard_database",
    "doctor_bench/test_share", "engine/test_kills", "engine/test_storms",
})  # fmt: skip
# Needs files that are not part of the repository: CI has them, a clone does not.
OUTSIDE = "contract"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of workers for `-n auto`, and for `-n logical`: tests that only compute."""
    cores = os.cpu_count() or 1
    return cores if config.option.numprocesses == "logical" else cores + 2  # most wait as much as they compute


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests that start processes or need a Docker engine."""
    folder = item.path.parent.name
    if "docker_engine" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.image)
    if folder in PROCESS_FOLDERS or f"{folder}/{item.path.stem}" in PROCESS_MODULES:
        item.add_marker(pytest.mark.process)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the longest tests of a worker first, so that no worker is still busy with them at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (item.get_closest_marker("process") is None, not shares(_module(item.nodeid))))


def _module(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@cache
def shares(module: str) -> bool:
    """Whether the tests of a module (its path from the root) share a fixture, which every worker would set up."""
    path = ROOT / module
    return any(SHARED_FIXTURE in file.read_text() for file in (path, path.with_name("conftest.py")) if file.is_file())


class ByModule(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Assign tests of a module that share a fixture to one worker, each other test to any free worker.

    The groups of xdist are encoded in a test's id, which pytest 9.2 no longer parses: they have no effect.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = _module(nodeid)
        return TOGETHER.get(module, module) if shares(module) else nodeid

    # What xdist does here takes time proportional to the number of tests, for each test.
    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        nodeid = self.registered_collections[node][item_index]
        scope = self._split_scope(nodeid)
        group = self.assigned_work[node][scope]
        group[nodeid] = True
        if all(group.values()):
            del self.assigned_work[node][scope]
        self._reschedule(node)

    def _assign_work_unit(self, node: Any) -> None:
        scope, group = self.workqueue.popitem(last=False)
        self.assigned_work[node][scope] = group
        node.send_runtest_some([self._numbers[nodeid] for nodeid, completed in group.items() if not completed])

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """The number by which a worker knows a test: the same in all of them, which xdist has verified."""
        return {nodeid: number for number, nodeid in enumerate(self.collection)}


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule | None:
    """Replace the scheduler of `--dist loadscope`."""
    return ByModule(config, log) if config.getoption("dist") == "loadscope" else None


class Parts:
    """Collects the duration of each module and the skipped tests, in the process that receives the results."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.skipped: list[tuple[str, str]] = []
        self.workers: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        module = _module(report.nodeid)
        self.seconds[module] += report.duration
        if shares(module) and (worker := getattr(report, "worker_id", "")):
            self.workers[module].add(worker)
        if report.skipped and not hasattr(report, "wasxfail") and OUTSIDE not in report.keywords:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skipped.append((report.nodeid, reason.removeprefix("Skipped: ")))

    def torn(self) -> list[str]:
        """Return the modules whose tests share a fixture and yet ran on several workers."""
        return [module for module, workers in self.workers.items() if len(workers) > 1]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        missing = self.skipped and os.environ.get("ERT_NO_SKIPS")
        if (missing or self.torn()) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if path := os.environ.get("ERT_PARTS"):
            with Path(path).open("a") as file:
                file.writelines(f"{seconds:.1f}\t{name}\n" for name, seconds in self.seconds.items())

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        slowest = sorted(self.seconds.items(), key=lambda row: -row[1])[:SHOWN]
        if sum(self.seconds.values()) > SHOWN:
            terminalreporter.section(f"the {len(slowest)} slowest modules (seconds, of all workers)")
            for name, seconds in slowest:
                terminalreporter.line(f"{seconds:8.1f}  {name}")
        if torn := self.torn():
            terminalreporter.section("spread over several workers, with a fixture for each", red=True)
            terminalreporter.line(", ".join(torn))
        if self.skipped and os.environ.get("ERT_NO_SKIPS"):
            terminalreporter.section("skipped, and must not be (ERT_NO_SKIPS)", red=True)
            for line in _named(self.skipped):
                terminalreporter.line(line)


def _named(skipped: Iterable[tuple[str, str]]) -> list[str]:
    """Return one line per reason: the number of tests and the first of them."""
    by_reason: dict[str, list[str]] = {}
    for nodeid, reason in skipped:
        by_reason.setdefault(reason, []).append(nodeid)
    return [f"{len(ids)} skipped ({reason}): {ids[0]}" for reason, ids in by_reason.items()]


def pytest_configure(config: pytest.Config) -> None:
    """Register the collector in the main process only; the workers send it their reports."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Parts(), "ert-parts")
