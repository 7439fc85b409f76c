"""An app that is no dashboard has no reports: that is told, with the command for such an app."""

from __future__ import annotations

import pytest

from ert_deploy.adapters.app.dashboard_client import ErtApp
from ert_deploy.adapters.clock import RealClock
from ert_deploy.core.model.errors import CannotObserve, UsageError
from tests.support.doubles.scripted_http import Answer, scripted


@pytest.mark.parametrize("status", [404, 405])
def test_an_app_without_the_routes_of_the_dashboard_is_named_as_such(status: int) -> None:
    page = Answer(status, b"<html>Not Found</html>")
    with scripted({"*": page}) as script, ErtApp(script.url, RealClock()) as app:
        with pytest.raises(UsageError, match="is no ERT dashboard: it has no /api/reports") as caught:
            app.latest(5)
        assert caught.value.hint == "`ert-deploy ask` sends its model a prompt"


def test_a_page_in_place_of_the_list_is_an_invalid_response() -> None:
    with scripted({"*": Answer(200, b"<html>")}) as script:
        app = ErtApp(script.url, RealClock())
        with app, pytest.raises(CannotObserve, match="invalid response"):
            app.latest(5)
