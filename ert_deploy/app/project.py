"""`init` and `render-yaml`: create a config and a Blueprint for a project. No provider is called, no key is read."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ert_deploy.config import providers
from ert_deploy.config.scaffold.template import SCHEMA_FILE, Question, draft, validated
from ert_deploy.config.settings import Settings
from ert_deploy.core.model.errors import UsageError

__all__ = [
    "Ask", "Draft", "Question", "config_reference", "config_schema", "draft_project", "render_yaml", "write_project",
    "write_schema",
]  # fmt: skip

Ask = Callable[[Question, str], str]  # receives a question and its default; returns a valid answer


@dataclass(frozen=True, slots=True)
class Draft:
    """Files to write, and the diff of each existing file with other content.

    `placeholder`: the config has no image yet, and `up` fails until then. `merged` are files of the user that stay as
    they are unless the write is forced, which adds our lines to them; `advice` lists these, and where they belong.
    `keys` are the variables that hold the keys of the providers; `key_file` is the config key that may name a file with
    the last of them, empty if every one has such a key. `server` is an external server that the app's files name.
    """

    files: dict[Path, str]
    changes: dict[Path, str]
    placeholder: bool
    merged: dict[Path, str] = field(default_factory=dict)
    advice: tuple[str, ...] = ()
    image: str = ""
    keys: tuple[str, ...] = ()
    key_file: str = ""
    server: str = ""

    def diff_lines(self) -> Iterator[str]:
        """Return all lines of the diffs, without secret values."""
        from ert_deploy.config.scaffold.write import diff_lines

        return diff_lines(self.changes)


def absent(question: Question, answer: str) -> str:
    """Return that the value names a file that does not exist; empty if it does, or if it names none."""
    from ert_deploy.config.scaffold.answers import absent

    return absent(question, answer)


def clouds() -> dict[str, str]:
    """Return the GPU clouds that a config can choose: the name for people by that in the config."""
    return {one.section: one.name for one in providers.GPU_CLOUDS}


def gpus() -> tuple[str, ...]:
    """Return the values of providers/gpu: the GPU clouds, and that for an external server."""
    from ert_deploy.config.schema.external import EXTERNAL

    return (*clouds(), EXTERNAL)


def hosts() -> dict[str, str]:
    """Return the web hosts that a config can choose, likewise."""
    return {one.section: one.name for one in providers.WEB_HOSTS}


def draft_project(
    name: str = "ert", answers: Mapping[str, str] | None = None, *, ask: Ask | None = None, blueprint: bool = True
) -> Draft:
    """Return configs/NAME.yaml and its JSON Schema, and with `blueprint` render.yaml, validated but not written.

    A value missing in `answers` is requested with `ask`, or set to the default: that of an earlier config of the name,
    of which all other keys stay too; its owner id stays also if it is invalid, since what runs must not lose its owner.
    Raises UsageError for an invalid name or value, and `ConfigProblems` for values that contradict each other.
    """
    from ert_deploy.config.scaffold.answers import completed
    from ert_deploy.config.scaffold.detect import image_of, server_beside
    from ert_deploy.config.scaffold.earlier import earlier_owner
    from ert_deploy.config.scaffold.frameworks import read
    from ert_deploy.config.scaffold.write import changes

    config = _place(name)
    earlier = read(config)
    answered = completed(name, dict(answers or {}), ask, earlier)
    text = draft(answered, earlier_owner(earlier) or f"o{secrets.token_hex(5)}", earlier)
    files = {config: text}
    settings = validated(text, config)
    merged, advice = _blueprint(settings, files) if blueprint and settings.web.provider.blueprint else ({}, ())
    schema = {config.with_name(SCHEMA_FILE): config_schema()}
    differ = changes(files) | _foreign(schema)
    files |= schema | _ignoring()
    server = settings.desired.external
    if server is not None:
        keys = (*((server.variable,) if server.variable else ()), settings.web.key.env)
        key_file = f"{settings.web.provider.section}/key/file" if server.variable else ""
        return Draft(files, differ, False, merged, advice, keys=keys, key_file=key_file)
    image = image_of(answered["image"], answered["repo"])
    keys = (settings.gpu.key.env, settings.web.key.env)
    return Draft(
        files,
        differ,
        not settings.desired.launch.image,
        merged,
        advice,
        image,
        keys,
        server="" if earlier else server_beside(Path()),
    )


def _blueprint(settings: Settings, files: dict[Path, str]) -> tuple[dict[Path, str], tuple[str, ...]]:
    """Add a new Blueprint to the files. For one of the user, return it with our variables, and how to add them."""
    from ert_deploy.config.scaffold.blueprint import owned_names, render
    from ert_deploy.config.scaffold.existing import OURS, merge
    from ert_deploy.config.scaffold.frameworks import read

    path, merged, advice = Path(settings.web.provider.blueprint), {}, []
    there = read(path)
    if not there.strip() or there.startswith(OURS):
        files[path] = render(settings)
        return {}, ()
    for at, target in enumerate(settings.desired.targets):
        made = merge(there, target.service, owned_names(settings.desired, at))
        if not made.found:
            advice.append(f"{path} stays: it has no web service {target.service}; `ert-deploy render-yaml` shows one")
        elif made.lines:
            how = ", or have them added: --force adds them and changes nothing else in it"
            how = how if made.text is not None else ""
            advice += [f"{path} stays: add these lines to envVars of {target.service}{how}", *made.lines]
        if made.text is not None and made.text != there:
            merged[path] = there = made.text
    return merged, tuple(advice)


def _ignoring() -> dict[Path, str]:
    """Return the `.gitignore` with entries for local state and keys, where it lacks them."""
    from ert_deploy.config.scaffold.frameworks import read
    from ert_deploy.config.scaffold.ignored import NAME, ignoring

    path = Path(NAME)
    text = read(path)
    if not text and (path.exists() or path.is_symlink()) and not (path.is_file() and path.stat().st_size == 0):
        return {}
    made = ignoring(Path(), text)
    return {} if made is None else {path: made}


def write_project(draft: Draft, *, force: bool = False) -> dict[Path, Path]:
    """Write the files of a draft; return the copy of each file that was there with other content.

    Raises UsageError before any write if `force` is needed to replace a file.
    """
    from ert_deploy.config.scaffold.write import back_up, write

    if draft.changes and not force:
        names = " and ".join(str(path) for path in draft.changes)
        raise UsageError(
            f"{names} {'are' if len(draft.changes) > 1 else 'is'} there already; nothing was written",
            hint="--force applies the diff above, --no-blueprint leaves render.yaml out, and another NAME makes "
            "another config",
        )
    added = draft.merged if force else {}
    copies = back_up([*draft.changes, *added])
    write(draft.files | added)
    return copies


def config_reference() -> str:
    """Return the commented sample config, with the meaning and default of every key. Raises UsageError if missing."""
    from ert_deploy.config.discovery import reference
    from ert_deploy.config.yaml.file import read_text

    return read_text(reference())


def config_schema() -> str:
    """Return the JSON Schema of a config, for an editor. Raises UsageError where the sample configs are missing."""
    from ert_deploy.config.scaffold.samples import key_comments
    from ert_deploy.config.schema.json_schema import json_schema

    said = key_comments()
    schema = json_schema(
        {path: comment.text for path, comment in said.items()}, {path: comment.note for path, comment in said.items()}
    )
    return json.dumps(schema, indent=1) + "\n"


def write_schema(file: Path, *, force: bool = False) -> None:
    """Write the JSON Schema of a config to a file.

    UsageError, and nothing written, where `force` is needed to replace a file that is not an earlier schema.
    """
    from ert_deploy.config.scaffold.write import write

    schema = {file: config_schema()}
    if not force and _foreign(schema):
        raise UsageError(f"{file} is there already and is no schema of ert-deploy", hint="--force replaces it")
    write(schema)


def _foreign(schema: Mapping[Path, str]) -> dict[Path, str]:
    """Return the diff of a file at the path of the schema that no earlier version has written."""
    from ert_deploy.config.scaffold.write import changes
    from ert_deploy.config.schema.json_schema import TITLE

    def ours(path: Path) -> bool:
        with suppress(OSError, ValueError):
            kept = json.loads(path.read_text(encoding="utf-8"))
            return isinstance(kept, dict) and kept.get("title") == TITLE
        return False

    return {path: diff for path, diff in changes(schema).items() if not ours(path)}


def render_yaml(config: str | None = None) -> str:
    """Return the Render Blueprint of the app, by default of the config `ert`; the image may be missing.

    Raises UsageError if the config has no Blueprint, or its subclass `ConfigProblems` with all errors.
    """
    from ert_deploy.config.credentials import allowed_hosts
    from ert_deploy.config.discovery import PRODUCTION, find
    from ert_deploy.config.load import load
    from ert_deploy.config.scaffold.blueprint import render

    return render(load(find(config or PRODUCTION), draft=True, hosts=allowed_hosts(os.environ)))


def _place(name: str) -> Path:
    from ert_deploy.config.yaml.problems import shown

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise UsageError(f"{shown(name)} cannot be the name of a config", hint="letters, digits and dashes")
    return Path("configs") / f"{name}.yaml"
