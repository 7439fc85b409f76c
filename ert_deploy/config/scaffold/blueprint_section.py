"""Sections of a new config for the Blueprint: what differs from the defaults, what is shared, the agent. No I/O."""

from __future__ import annotations

from ert_deploy.config.scaffold.blueprint import DASHBOARD, START
from ert_deploy.config.settings import Blueprint
from ert_deploy.config.yaml.tree import Table, read_tree

NO_AGENT = "-"
AGENT = "The agent, which wakes the GPU on request: the name of a private service, for $13 a month; - for none."


def blueprint_section(answers: dict[str, str], shown: dict[str, str]) -> str:
    """Return the lines of the section; empty where there is nothing to say."""
    own = {"repo": "-", "root": DASHBOARD, "build": Blueprint().build, "start": START, "region": Blueprint().region}
    differs = [name for name, default in own.items() if answers[name] != default]
    if answers["root"] != DASHBOARD and "start" not in differs:
        differs.append("start")
    lines = "".join(f"        {name}: {shown[name]}\n" for name in differs)
    if answers["instances"] != "1":
        lines += f"        instances: {shown['instances']}\n"
        if answers["root"] == DASHBOARD:
            lines += "        # What its processes share: reports and logins, and live updates and limits.\n"
            lines += (
                f"        database: {answers['deployment']}-reports\n        key_value: {answers['deployment']}-live\n"
            )
    if not lines:
        return ""
    return f"      # Read by `ert-deploy render-yaml` alone.\n      blueprint:\n{lines}"


def agent_section(shown: dict[str, str], earlier: str) -> str:
    """Return the lines for an agent; empty without one. An `earlier` config says itself where its state is."""
    name = shown.get("agent", NO_AGENT)
    if name in (NO_AGENT, f'"{NO_AGENT}"'):
        return ""
    why = "  # A private service of the Blueprint that wakes the GPU on request (docs/agent.md).\n"
    text = f"{why}  agent:\n    name: {name}\n"
    there, _ = read_tree(earlier)
    if isinstance(there, Table) and "state" in there.items:
        return text
    return f"{text}\n# Where the agent sees it too: the URL is in ERT_STATE_DATABASE_URL.\nstate: postgres\n"
