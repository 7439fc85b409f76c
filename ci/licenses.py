"""License report: writes docs/licenses.md, with every locked Python package and the license in its metadata.

Run by `make licenses` in the development environment, which contains all packages. Exits with 1 if a package is under
AGPL or has no license metadata. Uses only the standard library, so that it also runs in the slim environment.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = re.compile(r"\bAGPL|Affero", re.IGNORECASE)
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ \\\n]+)", re.MULTILINE)
OUT = ROOT / "docs" / "licenses.md"
# Shipped locks first: a package is listed with the first lock that contains it, and with all shipped ones.
LOCKS: Mapping[str, str] = {
    "runtime": "requirements/runtime.lock",
    "agent": "requirements/agent.lock",
    "beside": "requirements/beside.lock",
    "image": "requirements/image.lock",
    "keyring": "requirements/keyring.lock",
    "notify": "requirements/notify.lock",
    "postgres": "requirements/postgres.lock",
    "s3": "requirements/s3.lock",
    "ssh": "requirements/ssh.lock",
    "dashboard": "images/dashboard/requirements.txt",
    "llm-backend": "images/llm-backend/requirements.lock",
    "sandbox": "requirements/sandbox.lock",
    "development": "requirements/dev.lock",
}
SHIPPED = (
    "runtime",
    "agent",
    "beside",
    "image",
    "keyring",
    "notify",
    "postgres",
    "s3",
    "ssh",
    "dashboard",
    "llm-backend",
)
# Packages that only Windows or a Python before 3.11.3 installs; the terms are from the projects.
SAID_ELSEWHERE: Mapping[str, str] = {
    "async-timeout": "Apache-2.0",
    "colorama": "BSD-3-Clause",
    "pywin32": "PSF-2.0",
    "pywin32-ctypes": "BSD-3-Clause",
    "tzdata": "Apache-2.0",
}
HEAD = """# Licences of the Python packages

Written by `make licenses` from the packages' own metadata. `NOTICE` lists other bundled work; the
licences of the page's JavaScript are in `images/dashboard/ert_dashboard/static/app/licenses.md`, which its
build writes.

| package | version | licence | comes with |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Package:
    """Installed package and its license; "" without license metadata."""

    name: str
    version: str
    license: str


def installed() -> list[Package]:
    """Return all packages in the environment of this interpreter."""
    found = {canonical(d.metadata["Name"]): d for d in metadata.distributions() if d.metadata["Name"]}
    return [Package(name, d.version, license_of(d.metadata)) for name, d in sorted(found.items())]


def canonical(name: str) -> str:
    """Normalize a package name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def license_of(about: metadata.PackageMetadata) -> str:
    """Return the PEP 639 expression, else the classifiers, else the first line of the `License` field."""
    if expressions := about.get_all("License-Expression"):
        return str(expressions[0])
    classifiers = [c.split(" :: ")[-1] for c in about.get_all("Classifier") or () if c.startswith("License :: ")]
    named = [c for c in classifiers if c != "OSI Approved"]
    text = str((about.get_all("License") or ("",))[0]).strip().splitlines()
    free = text[0].strip() if text else ""
    return " or ".join(named) or (free if free.upper() != "UNKNOWN" else "")


def locked() -> dict[str, tuple[str, list[str]]]:
    """Return name -> (version, locks to list) for each locked package."""
    rows: dict[str, tuple[str, list[str]]] = {}
    for kind, path in LOCKS.items():
        for name, version in PIN.findall((ROOT / path).read_text()):
            comes = rows.setdefault(name, (version, []))[1]
            if kind in SHIPPED or not comes:
                comes.append(kind)
    return dict(sorted(rows.items()))


def table(packages: Iterable[Package]) -> Iterator[str]:
    """Yield the rows; raise `ValueError` if a package is missing, in another version, unlicensed or under AGPL."""
    by_name = {p.name: p for p in packages}
    for name, (version, comes) in locked().items():
        found = by_name.get(name)
        terms = SAID_ELSEWHERE.get(name) or (found.license if found is not None else "")
        if found is not None and found.version != version:
            raise ValueError(f"{name} {found.version} is installed, {version} is locked; hint: make test installs it")
        if not terms:
            raise ValueError(
                f"{name} {version} is not installed, or declares no licence; hint: read it and add it here"
            )
        if FORBIDDEN.search(terms):
            raise ValueError(f"{name} {version} is under {terms}, which is not allowed here")
        yield f"| {name} | {version} | {terms.replace('|', '/')} | {', '.join(comes)} |"


def text(packages: Iterable[Package]) -> str:
    """Return the complete page."""
    return HEAD + "\n".join(table(packages)) + "\n"


def main() -> int:
    """Write the page and return the exit code."""
    try:
        page = text(installed())
    except ValueError as wrong:
        sys.stderr.write(f"error: {wrong}\n")
        return 1
    OUT.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
