"""Config edits: changes one value in a config; every other byte is unchanged, including comments.

The text is not parsed and serialized again: only the scalar is changed at its position, and the result is checked.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path

import yaml

from ert_deploy.config.yaml.file import read_text
from ert_deploy.core.model.errors import Failed, UsageError

PATH = ("launch", "image")


def with_image(text: str, image: str) -> str:
    """Return `text` with `launch/image` set to `image`; raise `UsageError` if there is no such scalar."""
    node = _scalar(text)
    changed = text[: node.start_mark.index] + image + text[node.end_mark.index :]
    if _scalar(changed).value != image:
        raise UsageError("launch/image is written in a way that cannot be changed safely", hint=f"set it to {image}")
    return changed


def record_image(path: Path, image: str) -> str:
    """Set `launch/image` in the file atomically and return the unified diff, empty if it is unchanged.

    Raises `UsageError` when the file cannot be read or has no such key, `Failed` when it cannot be written.
    """
    before = read_text(path)
    after = with_image(before, image)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), str(path), str(path), lineterm="", n=1)
    if after != before:
        _replace(path, after, image)
    return "\n".join(lines)


def check_image(path: Path) -> None:
    """Check that `record_image` can set the value, before anything irreversible. Raise `UsageError` if not."""
    with_image(read_text(path), "example/image:0")


def _scalar(text: str) -> yaml.ScalarNode:
    hint = "add `image:` under `launch:`"
    try:
        node: yaml.Node | None = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError:
        raise UsageError("the config is not YAML", hint="`ert-deploy plan` says where") from None
    for name in PATH:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in pairs if getattr(key, "value", None) == name), None)
    if not isinstance(node, yaml.ScalarNode) or node.start_mark.index == node.end_mark.index:
        raise UsageError("the config has no launch/image", hint=hint)
    return node


def _replace(path: Path, text: str, image: str) -> None:
    """Replace the file, all or nothing; its mode and a link to it are preserved."""
    target = path.resolve()
    scratch = ""
    try:
        descriptor, scratch = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
            os.fsync(file.fileno())
        Path(scratch).replace(target)
    except OSError as error:
        if scratch:
            Path(scratch).unlink(missing_ok=True)
        raise Failed(f"{path} cannot be written ({error.strerror})", hint=f"set launch/image to {image}") from None
