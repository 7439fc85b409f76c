"""Routes of the stored reports: lists, texts, downloads, the export, deletion, and the audit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import cast

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, NotFound

from ert_dashboard.auth.middleware import CLIENT
from ert_dashboard.base.clock import iso
from ert_dashboard.reports.figures import figures
from ert_dashboard.reports.markdown import document
from ert_dashboard.storage.interface import Event
from ert_dashboard.storage.job import Job
from ert_dashboard.web import bodies, routes
from ert_dashboard.web import headers as guards
from ert_dashboard.web.report_body import Report
from ert_dashboard.web.service import Service

_REPORT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_EXPORTED = 100_000


def find_job(service: Service, report_id: object) -> Job:
    """Return a stored job; raise `NotFound`."""
    known = isinstance(report_id, str) and _REPORT_ID.fullmatch(report_id)
    job = service.store.get(str(report_id)) if known else None
    if job is None:
        raise NotFound("no such report")
    return job


class Records:
    """Routes of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def blueprint(self) -> Blueprint:
        return routes.blueprint(
            "records",
            reports=self.reports,
            report=self.report,
            delete=self.delete,
            audit=self.audit,
            download=self.download,
            export=self.export,
        )

    def reports(self) -> Response:
        text = request.args.get("limit", "50")
        if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 3):
            raise BadRequest("limit must be a number from 0 to 999")
        found = self._service.data_of(self._service.store.latest(int(text)))
        body: bodies.Reports = {"success": True, "reports": found, "count": len(found)}
        return jsonify(body)

    def report(self, report_id: str) -> Response:
        return jsonify(self._full(find_job(self._service, report_id)))

    def export(self) -> Response:
        """Return all finished reports, newest first, one JSON document in each line."""

        def lines() -> Iterator[str]:
            for listed in self._service.store.latest(_MOST_EXPORTED):
                job = self._service.store.get(listed.report_id) if listed.over else None
                if job is not None:
                    yield json.dumps(self._full(job), ensure_ascii=True) + "\n"

        headers = {"Content-Disposition": 'attachment; filename="reports.ndjson"'}
        return Response(lines(), content_type=routes.LINES, headers=headers)

    def _full(self, job: Job) -> bodies.FullReport:
        return {
            "success": True,
            "report_id": job.report_id,
            "data": self._service.data(job),
            # What `protocol.read_result` made of the backend's response.
            "report": cast("Report | None", job.result),
            "draft": {} if job.result else self._service.store.drafts.of(job.report_id).sections(),
            "figures": figures(job),
        }

    def delete(self, report_id: str) -> Response:
        """Delete a finished job with its text; 409 for one that is still being written."""
        service = self._service
        job = find_job(self._service, report_id)
        if not service.store.delete(job.report_id):
            return guards.problem(409, "this report is not finished: abort it first")
        client = request.environ.get(CLIENT, "")
        service.store.audit.add(Event(service.clock.wall(), "report deleted", client, job.report_id))
        body: bodies.Done = {"success": True, "message": f"{job.report_id} is deleted"}
        return jsonify(body)

    def audit(self) -> Response:
        found = self._service.store.audit.latest()
        entries: list[bodies.AuditEntry] = [
            {"at": iso(event.at), "what": event.what, "client": event.client, "about": event.about} for event in found
        ]
        body: bodies.Audit = {"success": True, "entries": entries}
        return jsonify(body)

    def download(self, filename: str) -> Response:
        job = find_job(self._service, filename.removesuffix(".md")) if filename.endswith(".md") else None
        if job is None or job.result is None:
            raise NotFound("no such report")
        text = document(job).encode("utf-8", "replace")
        headers = {"Content-Disposition": f'attachment; filename="{job.filename}"'}
        return Response(text, content_type="text/markdown; charset=utf-8", headers=headers)
