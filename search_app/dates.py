"""Date text to calendar days: what people type becomes a first and a last day, both included.

In: text and the day that is today. Out: ``datetime.date`` only. News has calendar dates, never instants, so nothing
here knows a clock or a time zone. Nothing is guessed either: what has two readings is refused with what to write.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from dateutil.parser import parserinfo
from dateutil.relativedelta import relativedelta

from .errors import DateTextError
from .messages import Message, message

EXPECTED = message("Write 2017, 2017-01, 2017-01-16, “jan 2017”, “16 jan 2017”, 2010s, yesterday or “last week”.")
MAX_CHARS = 40

_MONTHS = parserinfo()
MONTH_NAMES = (
    message("January"), message("February"), message("March"), message("April"), message("May"), message("June"),
    message("July"), message("August"), message("September"), message("October"), message("November"),
    message("December"),
)  # fmt: skip
"""January to December."""

Span = tuple[date, date]


class DayRange(NamedTuple):
    """A closed range of days; None leaves an end open. ``swapped`` tells that the ends came the wrong way round."""

    first: date | None
    last: date | None
    swapped: bool = False


def parse_day_span(text: str, today: date) -> Span:
    """Return the first and the last day that a date text covers: a year all its days, a day itself.

    Does not fill in what is missing (``16 jan``, ``may``) and does not choose between readings (``01/02/2017``).
    text : one of the forms in ``EXPECTED``; also ``2017/1/16``, ``2017.1.16``, ``20170116``, ``1/2017``, ``16/1/2017``
        (no month is 16), ``January 16th, 2017``, ``Q1 2017``, ``2017-W03``, ``2016-2018``, ``2017年1月16日``,
        ``today``, ``this`` or ``last`` with ``week`` (Monday to Sunday), ``month`` or ``year``, ``last 7 days``,
        ``3 days ago``.
    today : the day that relative forms count from.
    Raises DateTextError for an impossible, unreadable or ambiguous date; its message is meant for the person who typed.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text[: MAX_CHARS + 1]).casefold().replace(",", " ").split())
    if not plain:
        raise DateTextError(text, message("is no date."), EXPECTED)
    if len(text) > MAX_CHARS:
        raise DateTextError(text, message("is too long for a date."), EXPECTED)
    plain = re.sub("[‐‑–—−_]", "-", plain)
    try:
        return _read(plain, today)
    except (ValueError, OverflowError):
        raise DateTextError(text, message("does not exist in the calendar."), EXPECTED) from None
    except _Unclear as unclear:
        raise DateTextError(text, unclear.problem, unclear.expected) from None


def parse_range(from_text: str, to_text: str, today: date) -> DayRange:
    """Return the days from the first of ``from_text`` to the last of ``to_text``; blank text leaves that end open.

    Ends that are the wrong way round (``from`` later than ``to``) are read the other way, and ``swapped`` says so.
    Raises DateTextError for a text that ``parse_day_span`` cannot read; its ``text`` tells which.
    """
    start = parse_day_span(from_text, today) if from_text.strip() else None
    end = parse_day_span(to_text, today) if to_text.strip() else None
    if start and end and start[0] > end[1]:
        return DayRange(end[0], start[1], swapped=True)
    return DayRange(start[0] if start else None, end[1] if end else None)


def span_text(first: date, last: date) -> str | None:
    """Return the shortest text that ``parse_day_span`` reads as exactly these days, or None where only a range does."""
    if first == last:
        return first.isoformat()
    if (first.month, first.day, last.month, last.day) == (1, 1, 12, 31) and first.year == last.year:
        return f"{first.year:04d}"
    if first == month_start(first) and last == month_end(first):
        return f"{first.year:04d}-{first.month:02d}"
    return None


@lru_cache(maxsize=4096)
def day_words(day: date) -> Message:
    """Return ``16 January 2017``, in English whatever the locale."""
    return message("{day} {month} {year}", day=day.day, month=MONTH_NAMES[day.month - 1], year=day.year)


def month_words(day: date) -> Message:
    """Return ``January 2017``."""
    return message("{month} {year}", month=MONTH_NAMES[day.month - 1], year=day.year)


def year_words(day: date) -> Message:
    """Return ``2017``."""
    return message("{year}", year=day.year)


def month_start(day: date) -> date:
    """Return the first day of the day's month."""
    return day.replace(day=1)


def month_end(day: date) -> date:
    """Return the last day of the day's month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


class _Unclear(Exception):
    """A form that is recognised and refused; carries what to tell."""

    def __init__(self, problem: str, expected: str = EXPECTED) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected


def _read(plain: str, today: date) -> Span:
    for pattern, read in _FORMS:
        match = pattern.fullmatch(plain)
        if match:
            return read(match, today)
    return _read_words(plain)


def _year(year: int) -> Span:
    return date(year, 1, 1), date(year, 12, 31)


def _month(year: int, month: int) -> Span:
    first = date(year, month, 1)
    return first, month_end(first)


def _months(year: int, first_month: int, count: int) -> Span:
    return date(year, first_month, 1), month_end(date(year, first_month + count - 1, 1))


def _day(year: int, month: int, day: int) -> Span:
    only = date(year, month, day)
    return only, only


def _read_numbers(match: re.Match[str], today: date) -> Span:
    """``2017``, ``2017-01``, ``2017/1/16``, ``20170116``, ``2017年1月16日``: from the large to the small."""
    year, month, day = match["year"], match["month"], match["day"]
    if day:
        return _day(int(year), int(month), int(day))
    return _month(int(year), int(month)) if month else _year(int(year))


def _read_year_last(match: re.Match[str], today: date) -> Span:
    """``16/1/2017`` and ``1/16/2017``, which have one reading each; ``1/2/2017`` has two."""
    one, two, year = int(match["one"]), int(match["two"]), int(match["year"])
    if one == two:
        return _day(year, one, two)
    if one <= 12 and two <= 12:
        a, b = date(year, two, one), date(year, one, two)
        raise _Unclear(
            message("is either {one} or {other}.", one=day_words(a), other=day_words(b)),
            message("Write {one} or {other}.", one=a.isoformat(), other=b.isoformat()),
        )
    return _day(year, two, one) if one > 12 else _day(year, one, two)


def _read_years(match: re.Match[str], today: date) -> Span:
    first, last = int(match["first"]), int(match["last"])
    if first > last:
        raise _Unclear(message("runs backwards."), message("Write {span}.", span=f"{last:04d}-{first:04d}"))
    return date(first, 1, 1), date(last, 12, 31)


def _read_quarter(match: re.Match[str], today: date) -> Span:
    return _months(int(match["year"] or match["year2"]), 3 * int(match["quarter"] or match["quarter2"]) - 2, 3)


def _read_decade(match: re.Match[str], today: date) -> Span:
    year = int(match["year"])
    return date(year, 1, 1), date(year + 9, 12, 31)


def _read_iso_week(match: re.Match[str], today: date) -> Span:
    monday = date.fromisocalendar(int(match["year"]), int(match["week"]), 1)
    return monday, monday + timedelta(days=6)


def _read_this_or_last(match: re.Match[str], today: date) -> Span:
    back = 0 if match["which"] == "this" else 1
    match match["unit"]:
        case "week":
            monday = today - timedelta(days=today.weekday() + 7 * back)
            return monday, monday + timedelta(days=6)
        case "month":
            first = month_start(today) - relativedelta(months=back)
            return first, month_end(first)
    return _year(today.year - back)


def _read_last_days(match: re.Match[str], today: date) -> Span:
    """``last 7 days`` are seven, today among them; ``last 2 months`` begin the day after this day two months ago."""
    count = int(match["count"])
    if not count:
        raise _Unclear(message("covers no day."))
    back = {
        "day": relativedelta(days=count),
        "week": relativedelta(weeks=count),
        "month": relativedelta(months=count),
        "year": relativedelta(years=count),
    }
    return today - back[match["unit"]] + timedelta(days=1), today


def _read_days_ago(match: re.Match[str], today: date) -> Span:
    day = today - timedelta(days=int(match["count"]))
    return day, day


def _read_words(plain: str) -> Span:
    """A month by name, a year of four digits and perhaps a day, in any order; anything more or less is refused."""
    year = month = day = 0
    for token in plain.replace("-", " ").replace("/", " ").split():
        number = re.fullmatch(r"([0-9]+)(st|nd|rd|th)?", token)
        name = _MONTHS.month(token.removesuffix("."))
        if name and not month:
            month = name
        elif number and len(number[1]) == 4 and not number[2] and not year:
            year = int(number[1])
        elif number and len(number[1]) <= 2 and not day:
            day = int(number[1])
            if not day:
                raise ValueError
        elif token not in ("of", "the"):
            raise _Unclear(message("cannot be read as a date."))
    if not year:
        raise _Unclear(message("needs a year of four digits.") if month else message("cannot be read as a date."))
    if not month:
        raise _Unclear(message("cannot be read as a date."))
    return _day(year, month, day) if day else _month(year, month)


_COUNT = r"(?P<count>[0-9]{1,4})"
_YEAR = r"(?P<year>[0-9]{4})"

# The first form that fits reads the text. Numbers have fixed lengths, so that no text fits two.
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], Span]], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (_YEAR + r"(?:(?P<sep>[-/.])(?P<month>[0-9]{1,2})(?:(?P=sep)(?P<day>[0-9]{1,2}))?)?", _read_numbers),
        (_YEAR + r"(?P<month>[0-9]{2})(?P<day>[0-9]{2})", _read_numbers),
        (_YEAR + r" ?年(?: ?(?P<month>[0-9]{1,2}) ?月(?: ?(?P<day>[0-9]{1,2}) ?日)?)?", _read_numbers),
        (r"(?P<month>[0-9]{1,2})[-/.]" + _YEAR + r"(?P<day>)", _read_numbers),
        (r"(?P<one>[0-9]{1,2})(?P<sep>[-/.])(?P<two>[0-9]{1,2})(?P=sep)" + _YEAR, _read_year_last),
        (r"(?P<first>[0-9]{4}) ?- ?(?P<last>[0-9]{4})", _read_years),
        (_YEAR + r"[- ]?q(?P<quarter>[1-4])|q(?P<quarter2>[1-4])[- ]?(?P<year2>[0-9]{4})", _read_quarter),
        (_YEAR + r"-?w(?P<week>[0-9]{2})", _read_iso_week),
        (r"(?:the )?(?P<year>[0-9]{3}0)['’]?s", _read_decade),
        (r"today", lambda match, today: (today, today)),
        (r"yesterday", lambda match, today: (today - timedelta(days=1),) * 2),
        (r"(?P<which>this|last)[- ]?(?P<unit>week|month|year)", _read_this_or_last),
        (r"(?:last|past)[- ]" + _COUNT + r"[- ](?P<unit>day|week|month|year)s?", _read_last_days),
        (_COUNT + r"[- ]days?[- ]ago", _read_days_ago),
    )
)
