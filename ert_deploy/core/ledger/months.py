"""Calendar of days and months in UTC, as numbers: days since 1970, months since the year 0."""

from __future__ import annotations

YEAR = 12  # months
MONTH = 365 * 24 / 12  # hours of one on average


def month_of(day: int) -> int:
    """Return the month of a day. Source: Howard Hinnant, date algorithms, civil_from_days."""
    shifted = day + 719468  # days since 0000-03-01
    era, of_era = divmod(shifted, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    since_march = (5 * of_year + 2) // 153
    return (year + era * 400) * YEAR + since_march + 2


def first_day(month: int) -> int:
    """Return the first day of a month. Source: as above, days_from_civil."""
    year, since_march = divmod(month - 2, YEAR)
    era, of_era = divmod(year, 400)
    of_year = (153 * since_march + 2) // 5
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def date_of(day: int) -> tuple[int, int, int]:
    """Return year, month from 1 and day of the month from 1."""
    month = month_of(day)
    year, before = divmod(month, YEAR)
    return year, before + 1, day - first_day(month) + 1
