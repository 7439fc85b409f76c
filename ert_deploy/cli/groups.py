"""Group of commands: its help has the whole sentence about each, and without a command it lists which there are."""

from __future__ import annotations

import click

WHOLE = 300  # characters of a sentence


class Group(click.Group):
    """Group whose list of commands is not cut at the width of the terminal."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the list of commands, each with its first sentence, wrapped."""
        if not self.commands:
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(WHOLE)) for name, one in self.commands.items()])


def lacks_command(context: click.Context) -> tuple[str, str]:
    """Return what is missing after the name of a group, and the hint."""
    from ert_deploy.cli.examples import EXAMPLES

    path, group = context.command_path, context.command
    names = list(group.commands) if isinstance(group, click.Group) else []
    which = f"{', '.join(names[:-1])} or {names[-1]}"
    (example, *_) = EXAMPLES[path.removeprefix("ert-deploy ")]
    return f"`{path}` needs a command: {which}", f"`{example}`, for example; `{path} --help` describes each"
