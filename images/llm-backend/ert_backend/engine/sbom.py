"""SBOM of the image in CycloneDX 1.6, with the standard library only.

    python -m ert_backend.engine.sbom FILE ENGINE_IMAGE

It lists the installed packages, not the required ones: Python distributions with their licences, Debian packages, and
the engine by the reference of its image. The same image results in the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

PLACE = "/usr/share/ert/sbom.cdx.json"
DPKG = Path("/var/lib/dpkg/status")
Component = dict[str, object]


def document(engine: str, version: str, packages: Iterable[Component]) -> dict[str, object]:
    """Return the bill of materials of an image with these packages."""
    parts = sorted([_engine(engine), *packages], key=lambda part: str(part["bom-ref"]))
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()
    subject = {"type": "container", "bom-ref": "image", "name": "ert-llm-backend", "version": version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{UUID(bytes=digest[:16], version=4)}",
        "version": 1,
        "metadata": {"component": subject},
        "components": parts,
        "dependencies": [{"ref": "image", "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def python_packages(found: Iterable[metadata.Distribution]) -> Iterator[Component]:
    """Yield the Python distributions, each once."""
    seen = set()
    for one in found:
        name = re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower()
        if name not in seen:
            seen.add(name)
            yield _component(f"pkg:pypi/{name}@{quote(one.version)}", name, one.version, _licence(one.metadata))


def debian_packages(status: str) -> Iterator[Component]:
    """Yield the installed packages of dpkg's status file."""
    for block in status.split("\n\n"):
        row = dict(line.split(": ", 1) for line in block.splitlines() if re.match(r"[A-Z][A-Za-z-]*: ", line))
        if row.get("Status", "").endswith(" installed"):
            where = f"pkg:deb/debian/{quote(row['Package'])}@{quote(row['Version'])}?arch={row['Architecture']}"
            yield _component(where, row["Package"], row["Version"], "")


def _engine(reference: str) -> Component:
    """Return the component for `name:tag@sha256:...`, the reference that the image was built from."""
    bare, _, digest = reference.partition("@")
    name, _, tag = bare.rpartition(":") if ":" in bare.rpartition("/")[2] else (bare, "", "")
    at = quote(digest or tag or "unknown", safe="")
    part = _component(f"pkg:docker/{quote(name)}@{at}", name.rpartition("/")[2], tag or digest or "unknown", "")
    return {**part, "type": "application"}


def _component(purl: str, name: str, version: str, licence: str) -> Component:
    part: Component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    # As the package declares it: an SPDX expression or a sentence, both as a name.
    return part | ({"licenses": [{"license": {"name": licence}}]} if licence else {})


def _licence(said: metadata.PackageMetadata) -> str:
    told = said.json.get("license_expression") or said.json.get("license") or ""
    return " ".join(told.split() if isinstance(told, str) else told)[:200]


def main(arguments: Sequence[str]) -> int:
    """Run the command; return 0 when FILE is written, 2 for invalid usage."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python sbom.py FILE ENGINE_IMAGE\n")
        return 2
    from ert_backend import VERSION

    status = DPKG.read_text(encoding="utf-8") if DPKG.exists() else ""
    packages = [*python_packages(metadata.distributions()), *debian_packages(status)]
    target = Path(arguments[0])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document(arguments[1], VERSION, packages), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{target}: {len(packages) + 1} components\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
