"""Section `blueprint` of a new config: what differs from the defaults, and what several processes share. No I/O."""

from __future__ import annotations

from ert_deploy.config.scaffold.blueprint import DASHBOARD, START
from ert_deploy.config.settings import Blueprint


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
