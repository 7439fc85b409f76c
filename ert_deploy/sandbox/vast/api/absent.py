"""Absent routes: what Vast has and the sandbox does not, each with the reason, which is the response to a call (404).

The response states it, instead of an unknown path or of a success that did nothing. The routes are those of
Vast's OpenAPI file and of the `vastai` package that `routes.py` has no handler for; a test checks both against the two
tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from ert_deploy.sandbox.httpd.messages import Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.wire import Refusal

OPERATION = "absent"
# (reason, lines of "METHODS path"); a path without a version is one of /api/v0.
ABSENT: tuple[tuple[str, str], ...] = (
    (
        "hosts of machines are not part of it, only their renters",
        """
        GET /machines
        GET /machines/{id}
        GET /machines/maintenances
        PUT /machines/create_asks
        PUT /machines/create_bids
        PUT /machines/defrag_offers
        POST /machines/{id}/force_delete
        DELETE /machines/{id}/asks
        DELETE /machines/{id}/defjob
        GET /machines/{id}/reports
        PUT /machines/{id}/cancel_maint
        PUT /machines/{id}/cleanup
        PUT /machines/{id}/dnotify
        PUT /machines/{id}/minbid
        POST /volumes
        POST /volumes/unlist
        GET /users/{id}/machine-earnings
        """,
    ),
    (
        "it has one account, without teams or subaccounts",
        """
        POST DELETE /team
        POST /team/invite
        GET /team/members
        DELETE /team/members/{id}
        POST /team/roles
        GET /team/roles-full
        GET PUT DELETE /team/roles/{name}
        GET /subaccounts
        POST PUT /users
        PUT /commands/transfer_credit
        """,
    ),
    (
        "serverless endpoints and deployments cannot be reproduced beyond their interface",
        """
        GET POST /endptjobs
        PUT DELETE /endptjobs/{id}
        GET POST /autojobs
        PUT DELETE /autojobs/{id}
        GET POST /workergroups
        PUT DELETE /workergroups/{id}
        GET DELETE /deployments
        GET DELETE /deployment/{id}
        GET /deployment/{id}/versions
        POST /deployment/{id}/start
        POST /deployment/{id}/stop
        POST /route
        POST /get_endpoint_logs
        POST /get_endpoint_workers
        POST /get_workergroup_logs
        POST /get_workergroup_workers
        """,
    ),
    (
        "no data moves between machines, clouds and backups",
        """
        PUT DELETE /commands/copy_direct
        PUT /commands/rsync
        POST DELETE /commands/rclone
        GET /users/cloud_integrations
        POST /instances/take_snapshot/{id}
        GET /instance_backups
        GET /instance_backups/{id}/download
        """,
    ),
    (
        "reserved instances are not part of it, only on-demand and interruptible ones",
        """
        PUT /instances/prepay/{id}
        GET /instances/balance/{id}
        """,
    ),
    (
        "it sends no notices; poll the instances",
        """
        GET /notification-types
        GET PUT /users/{id}/notification-prefs
        GET POST /webhooks
        PUT DELETE /webhooks/{id}
        POST /webhooks/{id}/rotate-secret
        POST /webhooks/{id}/test
        """,
    ),
    (
        "it has no past: no metrics, benchmarks or logs of the account",
        """
        GET /metrics/gpu/current
        GET /metrics/gpu/history
        GET /metrics/gpu/locations
        GET /benchmarks
        GET /audit_logs
        GET /users/{id}/ipaddrs
        """,
    ),
    (
        "its keys are fixed, without a second factor",
        """
        PUT /commands/reset_apikey
        POST DELETE /tfa
        GET /tfa/status
        PUT /tfa/update
        POST /tfa/confirm-new
        POST PUT /tfa/authorize-new-method
        PUT /tfa/regen-backup-codes
        POST /tfa/email
        POST /tfa/sms
        POST /tfa/sms/resend
        POST /tfa/totp-setup
        """,
    ),
    (
        "it runs no scheduled calls",
        """
        GET POST /commands/schedule_job
        PUT DELETE /commands/schedule_job/{id}
        """,
    ),
    (
        "network volumes were withdrawn in July 2026, and hosts have no clusters here",
        """
        POST /network_volumes/search
        PUT POST /network_volumes
        POST /network_volumes/unlist
        GET POST /network_disk
        GET /clusters
        POST PUT DELETE /cluster
        DELETE /cluster/remove_machine
        GET POST PUT DELETE /overlay
        """,
    ),
)


def routes() -> Iterator[tuple[str, str, str]]:
    """Yield method, pattern and reason of each absent route. Serverless data routes also exist without a prefix."""
    for reason, lines in ABSENT:
        for line in filter(None, map(str.strip, lines.splitlines())):
            *methods, path = line.split()
            for method in methods:
                yield method, f"/api/v0{path}/", reason
                if path.startswith(("/route", "/get_")):
                    yield method, f"{path}/", reason


def refuse(reason: str, _: Estate, request: Request) -> NoReturn:
    """Raise the 404 of an absent route."""
    msg = f"The sandbox does not have {request.method} {request.path}: {reason}."
    # F33
    raise Refusal(404, "not_in_the_sandbox", msg)
