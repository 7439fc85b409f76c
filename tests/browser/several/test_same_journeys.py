"""Journeys of `tests/browser/test_journeys.py` at two instances."""

from __future__ import annotations

import pytest

from tests.browser import test_journeys as journeys

pytestmark = [pytest.mark.e2e, pytest.mark.nightly]
test_sections_and_sources = journeys.test_a_report_is_written_section_by_section_with_sources_on_its_numbers
test_download_and_print = journeys.test_download_and_print
test_two_browsers = journeys.test_two_browsers_see_the_same_report_and_the_place_in_the_queue
test_offline = journeys.test_what_was_missed_while_offline_is_there_again
test_asleep = journeys.test_a_report_asked_for_while_the_backend_is_away_waits_and_is_written
test_restart = journeys.test_a_restart_of_the_dashboard_in_the_middle_loses_nothing
test_stop = journeys.test_stop_asks_first_and_keeps_what_is_written
