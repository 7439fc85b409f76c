"""Command line: parse the arguments, create the ports, run the engine, show the result. No decision logic.

Only click is imported here. The module of a command is imported when it runs, so that `--help` stays fast; the one-line
descriptions below are equal to those in the modules, which a test checks.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from ert_deploy import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "init": "Begin a project: write configs/NAME.yaml and render.yaml.",
    "up": "Rent a GPU, boot the backend, and move the app over to it.",
    "sleep": "Stop the GPU and keep its disk; `wake` or `up` starts it again.",
    "wake": "Have a sleeping backend serve again, on its old GPU or a new one.",
    "down": "Destroy all instances of the deployment; nothing bills any more.",
    "plan": "Show the steps of `up` (or `down`, or `sleep`) without executing them.",
    "status": "Show whether every link up to the last report is good, and the cost.",
    "doctor": "Say what is wrong with the deployment, most likely first, and how to end it.",
    "report": "Request a report on TICKER from the app.",
    "ask": "Send the deployment's model a PROMPT; the text appears as it is written.",
    "connection": "Show how to call the backend: URL, model, CA file, and a line for curl.",
    "proxy": "Write the files of HAProxy for /v1 on all machines.",
    "offers": "Show the offers on the market, ranked, and why others are not taken.",
    "key": "Manage the API key between the apps and the backend.",
    "logs": "Show the last lines of the backend's log.",
    "agent": "Wake deployments on the request of an app, and look after them until it is stopped.",
    "cost": "Show what the deployment has cost: today, this month, and in a forecast of it.",
    "events": "List what happened to the deployment: when, what, its cost, and by whom.",
    "ssh": "Run COMMAND on the GPU machine, or open a shell there.",
    "restart": "Restart the container on the GPU machine, and wait until the backend serves again.",
    "exec": "Run COMMAND on the GPU machine and return its exit code; `ssh` without a shell.",
    "reap": "Destroy instances of the deployment that are in no state.",
    "adopt": "Add an existing instance to the deployment's state.",
    "ignore": "Ignore an instance of another project; it is no longer reported.",
    "destroy": "Destroy an instance and confirm its absence.",
    "state": "Manage the deployment's stored state and its lock.",
    "slo": "Show whether uptime, health checks, reports and their time were as they have to be.",
    "notify": "Try the addresses that notices are sent to.",
    "image": "Build and push the GPU image; record its digest in the config.",
    "render-yaml": "Print the Render Blueprint of the app.",
    "sandbox": "Start, stop, inspect or break the sandbox on loopback.",
    "completion": "Print the script that makes a shell complete commands, options, configs and instances.",
}


# Commands in a module of another name, with their names in it.
MODULES = {"adopt": "decide", "ignore": "decide", "destroy": "decide", "exec": "ssh"}
NAMES = {"exec": "execute"}
PACKAGES = {  # of the commands that are in no module of `commands` itself
    **dict.fromkeys(("agent", "ask", "connection", "cost", "events", "logs", "proxy", "restart"), "commands.running"),
    **dict.fromkeys(("notify", "slo"), "commands.monitoring"),
}
PARTS = {"cost": ("advise", "commands.idle.advise")}  # commands of a group that are in another package


class LazyGroup(click.Group):
    """Group that imports its commands on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all commands, in the order of the life cycle."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command; None if it does not exist."""
        if cmd_name not in COMMANDS:
            return None
        name = MODULES.get(cmd_name, cmd_name).replace("-", "_")
        from ert_deploy.cli.examples import with_examples

        module = importlib.import_module(f"ert_deploy.cli.{PACKAGES.get(cmd_name, 'commands')}.{name}")
        command: click.Command = (
            getattr(module, NAMES.get(cmd_name, cmd_name)) if cmd_name in MODULES else module.command
        )
        if cmd_name in PARTS and isinstance(command, click.Group):
            part, place = PARTS[cmd_name]
            command.add_command(importlib.import_module(f"ert_deploy.cli.{place}").command, part)
        return with_examples(command, cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin like this, without importing a command."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=about) for name, about in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the examples of `ert-deploy` itself."""
        from ert_deploy.cli.examples import epilog

        self.epilog = epilog("")
        super().format_epilog(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the list of commands in `--help` without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve the command; for an unknown one, raise click.UsageError with the most similar name."""
        import difflib

        from ert_deploy.cli.verbs import INSTEAD

        word = args[0]
        if word not in COMMANDS and not word.startswith("-"):
            near = [INSTEAD[word]] if word in INSTEAD else difflib.get_close_matches(word, COMMANDS, 1)
            if near:
                raise click.UsageError(f"No such command {word!r}. Did you mean {near[0]!r}?", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ert-deploy")
def cli() -> None:
    """Give a web app its own private LLM on a rented GPU, and take it away again.

    Without a config and without a key, everything runs in a sandbox on this machine.
    """


def main(args: Sequence[str] | None = None) -> None:
    """Entry point of the `ert-deploy` script. Exits with one of the documented exit codes."""
    from ert_deploy.cli.streams import guarded

    words = list(sys.argv[1:] if args is None else args)
    _leave_no_core()
    with guarded(os.environ):
        code = _run(words)
    sys.exit(code)


def _run(words: list[str]) -> int:
    """Run a command and return its exit code; with `--json` one document is printed, whatever comes of it."""
    own = words[: words.index("--")] if "--" in words else words
    if "--json" not in own:
        return _ended(lambda: cli.main(args=words, prog_name="ert-deploy", standalone_mode=False))
    from ert_deploy.cli import json_document
    from ert_deploy.cli.streams import SAID

    SAID.clear()
    json_document.hold()
    code = _ended(lambda: cli.main(args=words, prog_name="ert-deploy", standalone_mode=False))
    return _ended(lambda: json_document.finish(code, SAID)) or code


def _ended(call: Callable[[], int | None]) -> int:
    """Call it, print how it failed, and return the exit code."""
    try:
        return _called(call)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)


def _called(call: Callable[[], int | None]) -> int:
    """Call it; its value is that of an `Exit`, handled by click. Raises SystemExit where it failed."""
    try:
        return call() or 0
    except click.ClickException as error:
        _say_usage(error)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort) as error:
        _interrupted(error)
        sys.exit(130)
    except Exception as error:  # the user sees no traceback
        from ert_deploy.cli.failure import explain

        sys.exit(explain(error))


def _leave_no_core() -> None:
    """Disable core dumps, which could contain keys, for this process and its children."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _say_usage(error: click.ClickException) -> None:
    """Print an error of the command line in the format of all other errors."""
    from ert_deploy.cli.streams import say_error
    from ert_deploy.cli.verbs import PERHAPS

    context = getattr(error, "ctx", None)
    path = context.command_path if context else "ert-deploy"
    if context is not None and type(error).__name__ == "NoArgsIsHelpError":  # of click 8.2; before, it is help
        if " " not in path:
            click.echo(error.format_message(), err=True)  # who types the name alone wants to read what there is
            return
        from ert_deploy.cli.groups import lacks_command

        said, hint = lacks_command(context)
        say_error(said, hint=hint)
        return
    lacking = ""
    if isinstance(error, click.MissingParameter):
        lacking = path.rpartition(" ")[2]
    elif isinstance(error, click.BadOptionUsage):
        lacking = error.option_name
    say_error(error.format_message(), hint=PERHAPS.get(lacking, f"`{path} --help` lists all"))


def _interrupted(error: BaseException) -> None:
    from ert_deploy.cli.interrupted import summary
    from ert_deploy.cli.streams import say_error

    said, hint = summary(error.__cause__ or error)  # click has made an Abort of it
    say_error(said, hint=hint)
