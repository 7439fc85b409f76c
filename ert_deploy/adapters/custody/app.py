"""Custody by the app's environment: the web host shows what it holds, and nothing is kept anywhere else (ADR 3)."""

from __future__ import annotations

from collections.abc import Mapping

from ert_deploy.core.model.secret import Secret


class AppCustody:
    """Keeps nothing: it is for a web host that shows every value."""

    def kept(self, service_id: str) -> Mapping[str, Secret]:  # noqa: ARG002
        """Return nothing."""
        return {}

    def keep(self, service_id: str, values: Mapping[str, Secret]) -> None:
        """Do nothing: the host holds them."""
