"""Examples: what each command looks like in use, for the end of its `--help` and for docs/commands.md. Only data.

`my-app` stands for a config, `51234567` for an instance. A test parses every line, and runs those that need no account.
"""

from __future__ import annotations

import click

EXAMPLES = {
    "": ("ert-deploy init my-app", "ert-deploy plan -c my-app", "ert-deploy up -c my-app", "ert-deploy down -c my-app"),
    "init": (
        "ert-deploy init",
        "ert-deploy init my-app --defaults --max-dph 0.45",
        "ert-deploy init my-app --url https://llm.example.org/v1 --model qwen3:8b",
        "ert-deploy init --reference",
    ),
    "up": ("ert-deploy up -c my-app", "ert-deploy up -c my-app --wait-for-offer 2h"),
    "doctor": ("ert-deploy doctor -c my-app", "ert-deploy doctor -c my-app --bundle support.zip"),
    "sleep": ("ert-deploy sleep -c my-app",),
    "wake": ("ert-deploy wake -c my-app",),
    "down": ("ert-deploy down -c my-app", "ert-deploy down -c my-app --now"),
    "plan": ("ert-deploy plan -c my-app", "ert-deploy plan -c my-app --down", "ert-deploy plan -c my-app --exit-code"),
    "status": ("ert-deploy status -c my-app", "ert-deploy status -c my-app --json"),
    "report": (
        "ert-deploy report AAPL -c my-app --excerpt 4",
        "ert-deploy report list -c my-app",
        "ert-deploy report --follow AAPL-1f0c -c my-app",
    ),
    "ask": ('ert-deploy ask "Which rivers flow through Vienna?" -c my-app',),
    "connection": ("ert-deploy connection -c my-app", "ert-deploy connection -c my-app --replica 1"),
    "proxy": ("ert-deploy proxy -c my-app --folder proxy",),
    "agent": ("ert-deploy agent -c my-app", "ert-deploy agent -c my-app --gpu-only --listen 0.0.0.0:10000"),
    "events": ("ert-deploy events -c my-app", "ert-deploy events -c my-app -n 5 --json"),
    "cost": ("ert-deploy cost -c my-app", "ert-deploy cost -c my-app --reports 40 --svg cost.svg"),
    "cost advise": ("ert-deploy cost advise -c my-app", "ert-deploy cost advise -c my-app --wait-price 0.1"),
    "restart": ("ert-deploy restart -c my-app --yes",),
    "exec": ("ert-deploy exec -c my-app -- nvidia-smi",),
    "offers": ("ert-deploy offers -c my-app --limit 5",),
    "key": ("ert-deploy key rotate -c my-app",),
    "key rotate": ("ert-deploy key rotate -c my-app",),
    "key generate": ("ert-deploy key generate",),
    "key list": ("ert-deploy key list -c my-app",),
    "key revoke": ("ert-deploy key revoke 433bad46 -c my-app",),
    "key vast": ("ert-deploy key vast -c my-app",),
    "logs": ("ert-deploy logs -c my-app --tail 20", "ert-deploy logs -c my-app --since 20m --source app"),
    "ssh": ("ert-deploy ssh -c my-app -- nvidia-smi",),
    "reap": ("ert-deploy reap -c my-app --dry-run",),
    "adopt": ("ert-deploy adopt 51234567 -c my-app",),
    "ignore": ("ert-deploy ignore 51234567 -c my-app",),
    "destroy": ("ert-deploy destroy 51234567 -c my-app",),
    "state": ("ert-deploy state show -c my-app",),
    "state show": ("ert-deploy state show -c my-app",),
    "state lock": ("ert-deploy state lock -c my-app --minutes 30",),
    "state unlock": ("ert-deploy state unlock -c my-app --yes",),
    "state history": ("ert-deploy state history -c my-app",),
    "state sign": ("ert-deploy state sign -c my-app",),
    "state rebuild": ("ert-deploy state rebuild -c my-app",),
    "slo": (
        "ert-deploy slo --prometheus http://127.0.0.1:9090",
        "ert-deploy slo --prometheus http://127.0.0.1:9090 --days 7 --json",
    ),
    "notify": ("ert-deploy notify test -c my-app",),
    "notify test": ("ert-deploy notify test -c my-app",),
    "image": ("ert-deploy image push -c my-app",),
    "image build": ("ert-deploy image build --tag ghcr.io/me/ert-llm-backend:0.1.0",),
    "image push": ("ert-deploy image push -c my-app",),
    "render-yaml": ("ert-deploy render-yaml -c my-app",),
    "completion": ('eval "$(ert-deploy completion bash)"', "ert-deploy completion fish"),
    "sandbox": ("ert-deploy sandbox status",),
    "sandbox start": ("ert-deploy sandbox start", "ert-deploy sandbox start --app . --health /up"),
    "sandbox stop": ("ert-deploy sandbox stop",),
    "sandbox status": ("ert-deploy sandbox status",),
    "sandbox break": ("ert-deploy sandbox break", "ert-deploy sandbox break gpu_taken"),
    "sandbox record": ("ert-deploy sandbox record -c my-app --out account.json",),
}  # by the name of the command; "" is the program itself


def epilog(path: str) -> str | None:
    """Return the end of the help of a command, in click's notation for text that is not wrapped."""
    if not (lines := EXAMPLES.get(path)):
        return None
    return "\n".join(["\b", "Examples:" if len(lines) > 1 else "Example:", *(f"  {line}" for line in lines)])


def with_examples(command: click.Command, path: str) -> click.Command:
    """Put the examples at the end of the help of a command and of all in it, and return it."""
    command.epilog = epilog(path)
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            with_examples(inner, f"{path} {name}")
    return command
