"""Documentation pages: links and paths exist, and every package and make target is listed."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LISTED = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split()
PAGES = [
    ROOT / name
    for name in LISTED
    if (ROOT / name).is_file() and not name.startswith(("tests/", "images/dashboard/ert_dashboard/"))
]
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
README_LINES, TERMS, ROWS = 100, 40, 15
TOPS = ("ert_deploy", "images/llm-backend/ert_backend", "images/dashboard/ert_dashboard")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, in GitHub's format."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    broken = []
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        where, _, anchor = unquote(link).partition("#")
        target = (page.parent / where).resolve() if where else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    linked = {(ROOT / "docs" / link).resolve() for link in LINK.findall(index) if "://" not in link}
    wanted = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("images/*/README.md")]
    assert [name(page) for page in wanted if page.resolve() not in linked and page.name != "index.md"] == []


def test_the_readme_stays_short_and_links_the_index() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= README_LINES
    assert "(docs/index.md)" in text
    guarantees = text[text.index("\n## Guarantees\n") : text.index("\n## Limits\n")]
    assert len(re.findall(r"^- ", guarantees, re.MULTILINE)) == 6


def packages() -> list[str]:
    """Return every package of `ert_deploy` and of the images."""
    found = (init.parent for top in TOPS for init in (ROOT / top).rglob("__init__.py"))
    return sorted(name(package) for package in found)


def test_the_architecture_names_every_package_once_and_no_other() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    section = text[text.index("\n## The packages\n") :].split("\n## ")[1]
    rows = re.findall(r"^\| `([\w/-]+)/` \| \S.*\|$", section, re.MULTILINE)
    assert sorted(rows) == packages()


def contributing() -> str:
    return (ROOT / "CONTRIBUTING.md").read_text()


def test_what_to_change_where_names_files_and_tests_that_exist() -> None:
    rows = re.findall(r"^\| (I want .*?) \| (.*?) \| (.*?) \| (\d+) \|$", contributing(), re.MULTILINE)
    paths = {path for row in rows for cell in row[1:3] for path in re.findall(r"`([\w./-]+)`", cell)}
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
    assert len(rows) >= ROWS
    assert all("`" in files and "`tests/" in tests for _, files, tests, _ in rows)


def test_the_glossary_has_one_line_for_each_of_a_few_terms() -> None:
    section = contributing()[contributing().index("\n## Glossary\n") :].split("\n## ")[1]
    lines = [line for line in section.splitlines()[1:] if line]
    terms = Counter(match[1] for line in lines if (match := re.match(r"\*\*([\w -]+)\*\*: \S", line)))
    assert len(terms) == len(lines) <= TERMS
    assert set(terms.values()) == {1}


def test_every_make_target_is_in_the_table_and_no_other() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    table = FENCE.findall(contributing()[contributing().index("\n## Checks\n") :])[0]
    named = re.findall(r"^make ([a-z -]+?)(?: [A-Z]+=\S+)? +#", table, re.MULTILINE)
    assert {target for line in named for target in line.split()} == targets - {"help"}


def test_a_hook_of_pre_commit_runs_what_is_here_and_downloads_nothing() -> None:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    hooks = [hook for repo in repos for hook in repo["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    made = {hook["entry"].removeprefix("make ") for hook in hooks if hook["entry"].startswith("make ")}
    assert made <= set(targets)


def test_ci_runs_every_python_that_is_promised() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert jobs["pythons"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("form", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=name)
def test_an_issue_form_has_what_the_host_wants(form: Path) -> None:
    found = yaml.safe_load(form.read_text())
    if form.name == "config.yml":
        assert set(found) == {"blank_issues_enabled"}
        return
    assert found["name"]
    assert found["description"]
    ids = [part["id"] for part in found["body"] if part["type"] != "markdown"]
    assert len(ids) == len(set(ids)) > 0
