"""`ert-deploy completion SHELL`: the script that makes a shell complete commands, configs and instances."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")
PROGRAM, VARIABLE = "ert-deploy", "_ERT_DEPLOY_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, options, configs and instances.

    For good: bash, in ~/.bashrc: eval "$(ert-deploy completion bash)"; zsh, in ~/.zshrc: eval "$(ert-deploy completion
    zsh)"; fish: ert-deploy completion fish > ~/.config/fish/completions/ert-deploy.fish. Instances are those of the
    stored state; no provider is called.
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    complete = made(context.find_root().command, {}, PROGRAM, VARIABLE)
    click.echo(made.source_template % complete.source_vars(), nl=False)
