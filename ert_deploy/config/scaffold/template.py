"""Config template: generates the config of a new project for `ert-deploy init` from what the user chose. No I/O.

It contains only values that differ from the defaults. It is checked by the same validators as any other config, as a
draft: the image may still be the placeholder, which `up` does not accept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.config import providers
from ert_deploy.config.load import parse
from ert_deploy.config.providers import Host, Provider, gpu_cloud, web_host
from ert_deploy.config.scaffold.blueprint import DASHBOARD, START
from ert_deploy.config.scaffold.blueprint_section import AGENT, NO_AGENT, agent_section, blueprint_section
from ert_deploy.config.scaffold.kept import with_kept
from ert_deploy.config.scaffold.server import NO_CA, NO_KEY, SERVER, server_section
from ert_deploy.config.schema.external import EXTERNAL
from ert_deploy.config.schema.keys import GPU, WEB, keys
from ert_deploy.config.schema.parser import Bad
from ert_deploy.config.schema.parts import Field
from ert_deploy.config.settings import Blueprint, Settings
from ert_deploy.config.yaml.problems import ConfigProblems
from ert_deploy.config.yaml.tree import Scalar, read_tree

PLACEHOLDER_IMAGE = "ghcr.io/YOUR-NAME/ert-llm-backend:0.1.0"
SCHEMA_FILE = "ert-deploy.schema.json"  # beside the config, whose first line names it to editors


@dataclass(frozen=True, slots=True)
class Question:
    """One question: flag and name of the value, its config key, a one-line explanation and its default.

    `others` are the values until now, with which this one has to agree, beside those of the `earlier` config; `table`
    is to be read before it is given.
    """

    name: str
    key: str
    why: str
    default: str
    text: bool = True
    others: dict[str, str] | None = None
    table: tuple[str, ...] = ()
    earlier: str = ""

    def refusal(self, answer: str) -> str:
        """Return why a value is not valid for its key; empty if it is. Two special values mean "not yet"."""
        if (self.name, answer) in (("image", PLACEHOLDER_IMAGE), ("repo", "-"), ("ca", NO_CA), ("agent", NO_AGENT)):
            return ""
        field = next(part for path, part in keys() if path == self.key)
        assert isinstance(field, Field)
        tree, problems = (Scalar(answer, "str", 1), []) if self.text else read_tree(answer)
        try:
            if problems or not isinstance(tree, Scalar):
                raise Bad("it is not one value")
            field.parse(tree)
        except Bad as bad:
            return f"{bad.what} ({bad.hint})" if bad.hint else bad.what
        return conflict(self.others | {self.name: answer}, self.earlier) if self.others is not None else ""


def choices() -> tuple[Question, ...]:
    """Return the questions for the providers, for each kind of which there are several."""
    clouds = {cloud.section: cloud.name for cloud in providers.GPU_CLOUDS} | {
        EXTERNAL: "a server that you have already"
    }
    hosts = {host.section: host.name for host in providers.WEB_HOSTS}
    kinds = (("gpu", GPU, "The GPU cloud", clouds), ("web", WEB, "The web host", hosts))
    return tuple(
        Question(
            name, key, f"{what}: {', '.join(f'{one} for {said}' for one, said in known.items())}.", next(iter(known))
        )
        for name, key, what, known in kinds
        if len(known) > 1
    )


def chosen(answers: Mapping[str, str]) -> tuple[Provider | None, Host]:
    """Return the chosen providers, else the first of each kind; no GPU cloud for an external server."""
    cloud = answers.get("gpu") or providers.GPU_CLOUDS[0].section
    host = web_host(answers.get("web") or providers.WEB_HOSTS[0].section)
    return None if cloud == EXTERNAL else gpu_cloud(cloud), host


def questions(answers: Mapping[str, str] | None = None) -> tuple[Question, ...]:
    """Return all other questions, for the providers that are chosen in `answers`."""
    cloud, host = chosen(answers or {})
    service = f"{host.section}/services/*"
    name = Question("deployment", "deployment", "The name that marks every resource of this deployment.", "ert")
    common = (
        name,
        *(_of_a_machine() if cloud is not None else tuple(Question(*row) for row in SERVER)),
        Question("service", f"{service}/name", f"The exact name of your web service at {host.name}.", "ert-dashboard"),
        Question("health_path", f"{service}/health_path", "Path of your app that returns JSON.", "/health"),
        Question("health_field", f"{service}/health_field", "The field in it with the fingerprint.", "fingerprint"),
    )
    agent = [Question("agent", f"{host.section}/agent/name", AGENT, NO_AGENT)] if cloud is not None else []
    return (*common, *_of_a_blueprint(host, f"{service}/blueprint"), *agent) if host.blueprint else common


def _of_a_machine() -> tuple[Question, ...]:
    return (
        Question("image", "launch/image", "The image you pushed; nothing is rented with the placeholder.", ""),
        Question("model", "launch/model", "The language model, a tag of Ollama's library.", "gpt-oss:20b"),
        Question("gpu_ram", "offer/gpu_ram", "The class of GPU memory: 24GB, or 16GB for less money.", "24GB"),
        Question("max_dph", "offer/max_dph", "The most to pay per hour for the GPU, in $.", "0.60", text=False),
    )


def _of_a_blueprint(host: Host, key: str) -> tuple[Question, ...]:
    return (
        Question("repo", f"{key}/repo", f"The repository for {host.name}; - for the file's own.", "-"),
        Question("root", f"{key}/root", "The app's folder in the repository; . for all of it.", DASHBOARD),
        Question("build", f"{key}/build", f"How {host.name} builds the app.", Blueprint().build),
        Question("start", f"{key}/start", f"How {host.name} starts it, on 0.0.0.0:$PORT.", START),
        Question("region", f"{key}/region", f"Where {host.name} runs it; it cannot be changed later.", "oregon"),
        Question("instances", f"{key}/instances", _INSTANCES, "1", text=False),
    )


_INSTANCES = (
    "How many processes serve it, each for its price; for more than 1 the dashboard gets a database and a store."
)
_HEAD = """\
# yaml-language-server: $schema={schema}
# ert-deploy: the config of {deployment}, created by `ert-deploy init`.
#
# Only values that differ from the defaults are here; `ert-deploy init --reference` prints every key, with units,
# defaults and reasons. An unknown key is an error. `ert-deploy plan` prints the steps without executing them.
# No key is ever in this file. {keys_line}

# The name that marks every resource of this deployment. Rename it only when no instance is running.
deployment: {deployment}
# The owner of its machines, in case another project on the account has the same name. Random; do not copy it.
owner: {owner}
{providers_line}"""
_RENTED = """
launch:
  # The image built from images/llm-backend, in a registry the host can pull from without a login.{unset}
  image: {image}
  # A tag of Ollama's library; another size may need another offer/gpu_ram.
  model: {model}

offer:
  # The most to pay per hour for GPU and disk together, in $/h.
  max_dph: {max_dph}
{gpu_ram_line}"""
_APP = """
{web}:
  # Each service listed here gets the backend's address and key; its other variables are never changed.
  services:
    - name: {service}
"""


def draft(answers: dict[str, str], owner: str, earlier: str = "") -> str:
    """Return the text of a config from the replies, one for each of the `questions`, and an owner id.

    What else a valid `earlier` config has is kept, with the section of the other kind of backend.
    """
    cloud, host = chosen(answers)
    shown = {question.name: _shown(question, answers[question.name]) for question in questions(answers)}
    head = {"schema": SCHEMA_FILE, "keys_line": _keys(cloud, host, answers), "providers_line": _named(cloud, host)}
    text = _HEAD.format(deployment=shown["deployment"], owner=owner, **head)
    text += server_section(answers, shown) if cloud is None else _rented(answers, shown)
    text += _APP.format(web=host.section, service=shown["service"])
    for name, said in (("health_path", "Path of the running app"), ("health_field", "The proof of a deploy")):
        if answers[name] != _question(name).default:
            text += f'      # {said}; see README, "Use it for your app".\n      {name}: {shown[name]}\n'
    text += blueprint_section(answers, shown) + agent_section(shown, earlier) if host.blueprint else ""
    decided = {question.key for question in (*choices(), *questions(answers))}
    return with_kept(text, earlier, decided) if _usable(earlier) else text


def _usable(earlier: str) -> bool:
    """Whether an earlier config is valid, so that what it says is meant."""
    try:
        validated(earlier, Path("configs/earlier.yaml"))
    except ConfigProblems:
        return False
    return True


def _rented(answers: dict[str, str], shown: dict[str, str]) -> str:
    """Return the sections for a machine that is rented."""
    unset = "\n  # Put yours here: with the placeholder `up` does not rent." if _unset(answers) else ""
    ram = answers["gpu_ram"] != _question("gpu_ram").default
    line = f"  # The class of GPU memory, see docs/models.md.\n  gpu_ram: {shown['gpu_ram']}\n" if ram else ""
    names = {name: shown[name] for name in ("image", "model", "max_dph")}
    return _RENTED.format(unset=unset, gpu_ram_line=line, **names)


def _keys(cloud: Provider | None, host: Host, answers: dict[str, str]) -> str:
    """Return where the keys are read from."""
    if cloud is None:
        of_server = f"{answers['key_variable']} and " if answers["key_variable"] != NO_KEY else ""
        return f"{of_server}{host.key}: from the environment;\n# {host.section}/key/file may name a file of mode 0600."
    return (
        f"{cloud.key} and {host.key} are read from the environment, or from a file of mode\n"
        f"# 0600 that {cloud.section}/key/file and {host.section}/key/file name."
    )


def _named(cloud: Provider | None, host: Host) -> str:
    """Return the lines that choose other providers than the first of each kind."""
    gpu = EXTERNAL if cloud is None else cloud.section
    pairs = (("gpu", gpu, providers.GPU_CLOUDS[0]), ("web", host.section, providers.WEB_HOSTS[0]))
    lines = [f"  {kind}: {one}\n" for kind, one, first in pairs if one != first.section]
    return "\n# Where the GPU is rented, and where the app runs.\nproviders:\n" + "".join(lines) if lines else ""


def conflict(answers: dict[str, str], earlier: str = "") -> str:
    """Return the first rule between several keys that these values break; empty if they agree."""
    try:
        validated(draft(answers, "an-owner", earlier), Path("configs/new.yaml"))
    except ConfigProblems as found:
        first = found.problems[0]
        return f"{first.what} ({first.hint})" if first.hint else first.what
    return ""


def validated(text: str, source: Path) -> Settings:
    """Return the settings of a draft. Raise `ConfigProblems` when it is invalid."""
    return parse(text, source, draft=True)


def _shown(question: Question, answer: str) -> str:
    """Return a plain scalar unchanged, any other text as a quoted string."""
    if not question.text:
        return answer
    tree, _ = read_tree(answer)
    plain = isinstance(tree, Scalar) and tree.kind == "str" and tree.text == answer and answer.isascii()
    return answer if plain and answer[0].isalnum() and " #" not in answer and ": " not in answer else json.dumps(answer)


def _unset(answers: dict[str, str]) -> bool:
    return answers["image"] == PLACEHOLDER_IMAGE


def _question(name: str) -> Question:
    return next(question for question in questions() if question.name == name)
