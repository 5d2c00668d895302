"""Date texts: every form has one reading, in any year, leap days included; what has two is refused with advice."""

from __future__ import annotations

from calendar import isleap, month_abbr, month_name
from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_app.dates import (
    EXPECTED,
    MONTH_NAMES,
    DayRange,
    day_words,
    month_end,
    month_words,
    parse_day_span,
    parse_range,
    span_text,
)
from search_app.errors import DateTextError, SearchAppError

TODAY = date(2024, 2, 29)  # a leap day, and a Thursday
EVERY_DAY = [date(1990, 1, 1) + timedelta(days=days) for days in range((date(2036, 1, 1) - date(1990, 1, 1)).days)]
JAN_16 = (date(2017, 1, 16), date(2017, 1, 16))
JAN = (date(2017, 1, 1), date(2017, 1, 31))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        # a year, a month, a day
        ("2017", date(2017, 1, 1), date(2017, 12, 31)),
        ("2017-01", *JAN),
        ("2017-1", *JAN),
        ("2017/01", *JAN),
        ("2016-02", date(2016, 2, 1), date(2016, 2, 29)),
        ("2017-02", date(2017, 2, 1), date(2017, 2, 28)),
        ("2017-01-16", *JAN_16),
        ("2017/1/16", *JAN_16),
        ("2017.1.16", *JAN_16),
        ("20170116", *JAN_16),
        ("2017–01–16", *JAN_16),
        ("２０１７-01", *JAN),
        ("1/2017", *JAN),
        ("01-2017", *JAN),
        # the year last, where there is one reading only
        ("16/1/2017", *JAN_16),
        ("1/16/2017", *JAN_16),
        ("16.01.2017", *JAN_16),
        ("3/3/2017", date(2017, 3, 3), date(2017, 3, 3)),
        # months by name
        ("jan 2017", *JAN),
        ("January 2017", *JAN),
        ("JAN. 2017", *JAN),
        ("jan-2017", *JAN),
        ("2017 jan", *JAN),
        ("sept 2017", date(2017, 9, 1), date(2017, 9, 30)),
        ("may 2017", date(2017, 5, 1), date(2017, 5, 31)),
        ("January 16, 2017", *JAN_16),
        ("January 16th 2017", *JAN_16),
        ("16 jan 2017", *JAN_16),
        ("16-Jan-2017", *JAN_16),
        ("the 16th of January, 2017", *JAN_16),
        ("  16   jan\t2017 ", *JAN_16),
        ("2017年", date(2017, 1, 1), date(2017, 12, 31)),
        ("2017年1月", *JAN),
        ("2017年1月16日", *JAN_16),
        # more than a year, parts of a year
        ("2010s", date(2010, 1, 1), date(2019, 12, 31)),
        ("the 1990’s", date(1990, 1, 1), date(1999, 12, 31)),
        ("2016-2018", date(2016, 1, 1), date(2018, 12, 31)),
        ("2016 – 2018", date(2016, 1, 1), date(2018, 12, 31)),
        ("Q1 2017", date(2017, 1, 1), date(2017, 3, 31)),
        ("2017-Q4", date(2017, 10, 1), date(2017, 12, 31)),
        ("2017-W03", date(2017, 1, 16), date(2017, 1, 22)),
        # counted from today
        ("today", TODAY, TODAY),
        ("Yesterday", date(2024, 2, 28), date(2024, 2, 28)),
        ("this week", date(2024, 2, 26), date(2024, 3, 3)),
        ("last week", date(2024, 2, 19), date(2024, 2, 25)),
        ("last-week", date(2024, 2, 19), date(2024, 2, 25)),
        ("lastweek", date(2024, 2, 19), date(2024, 2, 25)),
        ("this month", date(2024, 2, 1), date(2024, 2, 29)),
        ("last month", date(2024, 1, 1), date(2024, 1, 31)),
        ("this year", date(2024, 1, 1), date(2024, 12, 31)),
        ("last year", date(2023, 1, 1), date(2023, 12, 31)),
        ("last 7 days", date(2024, 2, 23), TODAY),
        ("past 1 day", TODAY, TODAY),
        ("last 2 weeks", date(2024, 2, 16), TODAY),
        ("last 12 months", date(2023, 3, 1), TODAY),
        ("last 1 year", date(2023, 3, 1), TODAY),
        ("3 days ago", date(2024, 2, 26), date(2024, 2, 26)),
        # the ends of the calendar
        ("0001", date(1, 1, 1), date(1, 12, 31)),
        ("9999-12-31", date(9999, 12, 31), date(9999, 12, 31)),
    ],
)
def test_readable(text: str, first: date, last: date) -> None:
    """A short form covers its whole span; both ends are included."""
    assert parse_day_span(text, TODAY) == (first, last)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        # impossible
        ("2017-02-30", "does not exist in the calendar"),
        ("2017-02-29", "does not exist in the calendar"),
        ("29 feb 2017", "does not exist in the calendar"),
        ("2017-13", "does not exist in the calendar"),
        ("2017-00", "does not exist in the calendar"),
        ("0000", "does not exist in the calendar"),
        ("31/4/2017", "does not exist in the calendar"),
        ("32/1/2017", "does not exist in the calendar"),
        ("jan 0 2017", "does not exist in the calendar"),
        ("2017-W53", "does not exist in the calendar"),
        ("last 9999 years", "does not exist in the calendar"),
        ("2018-2016", "runs backwards. Write 2016-2018"),
        ("last 0 days", "covers no day"),
        # two readings
        ("01/02/2017", "is either 1 February 2017 or 2 January 2017. Write 2017-02-01 or 2017-01-02."),
        ("1-2-2017", "is either 1 February 2017 or 2 January 2017"),
        # something is missing, and not filled in
        ("may", "needs a year"),
        ("16 jan", "needs a year"),
        ("jan 17", "needs a year"),
        ("2017 16", "cannot be read"),
        ("16", "cannot be read"),
        ("1/2/17", "cannot be read"),
        ("90s", "cannot be read"),
        ("summer 2017", "cannot be read"),
        # too much
        ("jan feb 2017", "cannot be read"),
        ("jan 2017 2018", "cannot be read"),
        ("2017-01-16T10:00:00Z", "cannot be read"),
        ("2017-01/16", "cannot be read"),
        ("201701", "cannot be read"),
        ("-2017", "cannot be read"),
        # no date at all
        ("", "is no date"),
        ("  ", "is no date"),
        ("syria", "cannot be read"),
        ("٢٠١٧", "cannot be read"),
        ("x" * 41, "is too long"),
        ("1" * 100_000, "is too long"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    """With what was typed, what is wrong with it, and what to write."""
    with pytest.raises(DateTextError) as caught:
        parse_day_span(text, TODAY)
    error = caught.value
    assert isinstance(error, SearchAppError)
    assert problem in str(error)
    assert error.text == text
    assert "Write " in str(error)
    assert len(str(error)) < 250


def test_what_the_refusal_recommends_is_readable() -> None:
    """Every form that ``EXPECTED`` names is one."""
    forms = EXPECTED.removeprefix("Write ").removesuffix(".").replace(" or ", ", ").split(", ")
    assert len(forms) > 5
    for form in forms:
        parse_day_span(form.strip("“”"), TODAY)


def test_every_day_in_every_form() -> None:
    """1990 to 2035, leap days included: a form never reads as another day."""
    for day in EVERY_DAY:
        alone = (day, day)
        assert parse_day_span(day.isoformat(), TODAY) == alone
        assert parse_day_span(f"{day.year}/{day.month}/{day.day}", TODAY) == alone
        assert parse_day_span(f"{day:%Y%m%d}", TODAY) == alone
        assert parse_day_span(f"{month_name[day.month]} {day.day}, {day.year}", TODAY) == alone
        assert parse_day_span(f"{day.day} {month_abbr[day.month]} {day.year}", TODAY) == alone
        assert parse_day_span(day_words(day), TODAY) == alone
        assert span_text(*alone) == day.isoformat()


def test_every_day_as_today() -> None:
    """Relative forms fit together whatever day it is: last month ends where this month begins."""
    one = timedelta(days=1)
    for today in EVERY_DAY:
        assert parse_day_span("yesterday", today) == (today - one, today - one)
        for unit in ("week", "month", "year"):
            first, last = parse_day_span(f"this {unit}", today)
            assert first <= today <= last
            before = parse_day_span(f"last {unit}", today)
            assert before[1] == first - one
        assert parse_day_span("last week", today)[0].weekday() == 0
        first, last = parse_day_span("last 30 days", today)
        assert (last - first).days == 29
        first, last = parse_day_span("last 1 year", today)
        assert (last, (last - first).days in (364, 365)) == (today, True)


def test_every_month_and_year() -> None:
    """The days of the months of a year are its days, each once."""
    for year in range(1990, 2036):
        first, last = parse_day_span(str(year), TODAY)
        assert (last - first).days + 1 == 365 + isleap(year)
        expected = first
        for month in range(1, 13):
            start, end = parse_day_span(f"{year}-{month:02d}", TODAY)
            assert start == expected
            assert end == month_end(start)
            assert parse_day_span(month_words(start), TODAY) == (start, end)
            assert span_text(start, end) == f"{year}-{month:02d}"
            expected = end + timedelta(days=1)
        assert expected == date(year + 1, 1, 1)
        assert span_text(first, last) == str(year)


@given(st.dates(), st.dates())
def test_span_text_reads_back_or_is_none(one: date, other: date) -> None:
    """The shortest text covers exactly the span; other spans have none."""
    first, last = sorted((one, other))
    text = span_text(first, last)
    assert text is None or parse_day_span(text, TODAY) == (first, last)


@given(st.one_of(st.text(), st.text("0123456789-/. janfebmaylstwekdoq年月日", max_size=42)), st.dates())
def test_any_text_is_read_or_refused(text: str, today: date) -> None:
    """Nothing else is raised, and what is read is a span."""
    with suppress(DateTextError):
        first, last = parse_day_span(text, today)
        assert first <= last


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2016", "2017", (date(2016, 1, 1), date(2017, 12, 31), False)),
        ("2016", "2016", (date(2016, 1, 1), date(2016, 12, 31), False)),
        ("2016-05", "2016", (date(2016, 5, 1), date(2016, 12, 31), False)),
        ("2016", "2016-05", (date(2016, 1, 1), date(2016, 5, 31), False)),
        ("2016", "", (date(2016, 1, 1), None, False)),
        ("", "2016", (None, date(2016, 12, 31), False)),
        ("", " ", (None, None, False)),
        ("2018", "2016", (date(2016, 1, 1), date(2018, 12, 31), True)),
        ("last month", "today", (date(2024, 1, 1), TODAY, False)),
    ],
)
def test_range(start: str, end: str, expected: tuple[date | None, date | None, bool]) -> None:
    """From the first day of the one to the last of the other; the wrong way round is put right, and said."""
    assert parse_range(start, end, TODAY) == DayRange(*expected)


def test_range_names_the_end_that_is_wrong() -> None:
    """So that the person knows which of two boxes to look at."""
    with pytest.raises(DateTextError) as caught:
        parse_range("2016", "nope", TODAY)
    assert caught.value.text == "nope"


def test_month_names_are_english_and_whole() -> None:
    """They do not follow the locale of the machine."""
    assert MONTH_NAMES[0] == "January"
    assert MONTH_NAMES[8] == "September"
    assert len(MONTH_NAMES) == 12
