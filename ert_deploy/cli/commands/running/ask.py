"""`ert-deploy ask`: a prompt to the model, streamed to stdout."""

from __future__ import annotations

import sys
from contextlib import closing

import click

from ert_deploy.app.running import ask as app
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.errors import UsageError

INTERRUPTED = 130
MOST = 1 << 20  # bytes of a prompt on stdin


@click.command("ask")
@click.argument("prompt", required=False)
@config_option
@json_option
@click.option("--system", metavar="TEXT", default="", help="Instruction to the model before the prompt.")
def command(prompt: str | None, config: str | None, as_json: bool, system: str) -> None:
    """Send the deployment's model a PROMPT; the text appears as it is written.

    The key and the certificate are those of the app. Without PROMPT, or with -, it is read from stdin.
    Ctrl-C ends the response, on the GPU too.
    """
    asked = _prompt(prompt)
    with interruptible():
        with make_view() as view:
            chat = app.chat(config, progress=view)
        parts: list[str] = []
        try:
            with closing(chat.ask(asked, system)) as pieces:
                for piece in pieces:
                    parts.append(piece)
                    if not as_json:
                        click.echo(piece, nl=False)
        except KeyboardInterrupt:
            click.echo("\nstopped; the backend is told", err=True)
            sys.exit(INTERRUPTED)
        finally:
            if parts and not as_json:
                click.echo()
    if as_json:
        emit_json({"text": "".join(parts)})


def _prompt(given: str | None) -> str:
    """Return the prompt from the argument or stdin. Raise UsageError without one."""
    if given is None or given == "-":
        if sys.stdin.isatty():
            raise UsageError("there is no prompt", hint='`ert-deploy ask "..."`, or a pipe into it')
        given = sys.stdin.read(MOST + 1)
    if not given.strip() or len(given) > MOST:
        raise UsageError("the prompt is empty, or longer than 1 MiB")
    return given
