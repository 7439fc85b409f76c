"""`ert-deploy logs`: the backend's log, or the lines of all sources merged by time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from ert_deploy.app.running import container_log as app
from ert_deploy.app.running import logs as merged
from ert_deploy.app.running.logs import EVERY, Line, Source, Wanted
from ert_deploy.cli.json_document import emit_json_line
from ert_deploy.cli.options import (
    Duration,
    as_id,
    complete_instances,
    config_option,
    emit_json,
    interruptible,
    json_option,
    replica_option,
)
from ert_deploy.cli.view.progress import PlainView, make_view
from ert_deploy.core.model.provider import InstanceId

WEEK = 7 * 86400.0


@click.command("logs")
@config_option
@json_option
@click.option("--tail", type=click.IntRange(1, 10000), default=100, show_default=True, help="How many lines are shown.")
@click.option(
    "--instance", metavar="ID", callback=as_id, shell_complete=complete_instances,
    help="Which instance of the deployment; default: the newest.",
)  # fmt: skip
@replica_option
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=click.Choice([one.value for one in Source]),
    help="Only this one; repeat.",
)
@click.option("--since", type=Duration(WEEK), help="Only lines of the last 90s, 20m or 2h; in a sandbox by its clock.")
@click.option("--grep", metavar="REGEX", help="Only lines that contain it.")
@click.option("--checks", is_flag=True, help="Also show health checks that succeeded.")
def command(
    config: str | None,
    as_json: bool,
    tail: int,
    instance: InstanceId | None,
    checks: bool,
    **chosen: Any,
) -> None:
    """Show the last lines of the backend's log.

    With -f, --source, --since or --grep: the lines of the web server, the guard and the engine on the GPU machine, and
    of the app at its web host, merged by time, each with its source. Known keys are removed. With -f and --json each
    line is a document of its own.
    """
    replica = chosen.pop("replica")
    if not any(chosen.values()):
        with interruptible(), make_view() as view:
            log = app.logs(config, tail=tail, instance=instance, replica=replica, checks=checks, progress=view)
        if as_json:
            emit_json({"instance": log.instance, "lines": log.text.splitlines()})
        else:
            click.echo(log.text)
        return
    sources = frozenset(map(Source, chosen["sources"])) or EVERY
    wanted = Wanted(sources, tail, chosen["since"], chosen["grep"] or "", instance, checks, replica)
    with interruptible():
        lines = merged.log_lines(config, wanted, follow=chosen["follow"], progress=PlainView())
        if as_json and not chosen["follow"]:
            emit_json({"lines": [_plain(line) for line in lines]})
        else:
            _write(lines, as_json=as_json)


def _write(lines: Iterator[Line], *, as_json: bool) -> None:
    try:
        for line in lines:
            if as_json:
                emit_json_line(_plain(line))
            else:
                click.echo(f"{_clock(line.at)}  {line.source.value:7}  {line.text}")
    except KeyboardInterrupt:
        return  # this is how following ends


def _plain(line: Line) -> dict[str, object]:
    return {"at": line.at or None, "source": line.source.value, "text": line.text}


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%m-%d %H:%M:%S") if at else " " * 14
