"""Entry of the dashboard's process: `python -m ert_deploy.agent.beside.entry PARENT MODULE [NAME...]`.

It runs in the dashboard's folder. The names are those of the variables that only the agent has.
"""

from __future__ import annotations

import runpy
import sys

from ert_deploy.agent.beside.neighbours import telling
from ert_deploy.agent.beside.private import be_private, end_with


def main() -> None:
    """Make this process private, print what it could read of the agent, and run the module as the main one."""
    be_private()
    parent, module, *names = sys.argv[1:]
    end_with(int(parent))
    for line in telling(frozenset(names)):
        sys.stderr.write(f"not kept apart: {line}\n")
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
