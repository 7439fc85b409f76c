"""The base images of the Dockerfile when no registry can be reached: a Debian with Python, and one with Ollama.

The Dockerfile is the released one; only its build arguments differ. The Ollama in the second image is the sandbox's,
installed at the paths of the real binary and libraries.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.support.image.docker_engine import Engine, NoEngine

ROOT = Path(__file__).resolve().parents[3]
BARE, BASE, OLLAMA = "ert-test/bare:1", "ert-test/base:1", "ert-test/ollama:0.35.0"
CACHE = ROOT / "build" / "image-test" / "base.tar"
MODEL = "gpt-oss:20b"
# The library folders of the upstream image, of which one must remain.
BACKENDS = ("cuda_v12", "cuda_v13", "mlx_cuda_v13", "vulkan")
SCRIPT = {
    "models": [
        {"name": MODEL, "size": 13_793_441_244, "digest": "17052f91a42e", "family": "gptoss", "context_length": 131072,
         "thinking": True, "installed": False}
    ],
    "replies": [{"match": "", "content": "The company sells products to its customers."}],
    "token_delay": 0.002,
    "pull": {"seconds": 1.5},
}  # fmt: skip
LAUNCHER = """#!/bin/sh
export PYTHONPATH=/usr/lib/ollama ERT_OLLAMA_SCRIPT="${ERT_OLLAMA_SCRIPT:-/usr/lib/ollama/script.json}"
[ "$1" = serve ] && exec python3 -m ert_deploy.sandbox.ollama
echo "Error: unknown command $1" >&2; exit 1
"""


def base(engine: Engine) -> str:
    """Return the base image: ERT_IMAGE_BASE if set (CI, with a registry), else a Debian made here, cached in build/."""
    if given := os.environ.get("ERT_IMAGE_BASE", ""):
        return given
    if not CACHE.exists():
        _bootstrap()
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    engine.run("import", "-c", f"ENV {path}", "-c", 'CMD ["python3"]', str(CACHE), BARE)
    with tempfile.TemporaryDirectory() as folder:
        for name, source in trusted().items():
            target = Path(folder) / "root" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        (Path(folder) / "Dockerfile").write_text(f"FROM {BARE}\nCOPY root /\n")
        engine.run("build", "-t", BASE, folder)
    return BASE


def trusted() -> dict[str, Path]:
    """Return this machine's certificates and pip settings: behind a company's proxy, downloads require them."""
    bundle = os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
    found = {"etc/ssl/certs/ca-certificates.crt": Path(bundle), "etc/pip.conf": ROOT / "tests" / "image" / "pip.conf"}
    return {name: path.resolve() for name, path in found.items() if path.exists()}


def ollama(engine: Engine) -> str:
    """Build an image with only /usr/bin/ollama and /usr/lib/ollama with its library folders."""
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder) / "ollama.tar"
        with tarfile.open(tar, "w") as archive:
            _file(archive, "usr/bin/ollama", LAUNCHER.encode(), 0o755)
            _file(archive, "usr/lib/ollama/script.json", json.dumps(SCRIPT).encode(), 0o644)
            for name in BACKENDS:
                _file(archive, f"usr/lib/ollama/{name}/libggml.so", name.encode(), 0o644)
            _file(archive, "usr/lib/ollama/ert_deploy/__init__.py", b'__version__ = "0"\n', 0o644)
            for path in sorted((ROOT / "ert_deploy" / "sandbox").rglob("*.py")):
                _file(archive, f"usr/lib/ollama/{path.relative_to(ROOT)}", path.read_bytes(), 0o644)
        engine.run("import", str(tar), OLLAMA)
    return OLLAMA


def build(engine: Engine, tag: str, arguments: list[str]) -> str:
    """Build the released Dockerfile with these build arguments (`NAME=value`) and return what docker printed."""
    given = [word for argument in arguments for word in ("--build-arg", argument)]
    return engine.run("build", "-t", tag, *given, str(ROOT / "images" / "llm-backend"), seconds=900).stdout


def _file(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _bootstrap() -> None:
    """Bootstrap a Debian with mmdebstrap and this machine's package sources; takes about 40 seconds, once."""
    if shutil.which("mmdebstrap") is None:
        raise NoEngine("ERT_IMAGE_BASE is not set, and there is no mmdebstrap to make a base image with")
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    part = CACHE.with_suffix(".part.tar")
    command = [
        "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase",
        "--include=python3,python3-venv,ca-certificates", '--aptopt=Acquire::Languages "none"',
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
        release["VERSION_CODENAME"], str(part),
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=600, capture_output=True)
    part.rename(CACHE)
