"""The settings table: defaults, environment, options, and what happens to values that cannot be used."""

from __future__ import annotations

import pytest

from search_app.errors import SettingsError
from search_app.settings import BY_NAME, PREFIX, SETTINGS, Setting, load_settings, wants_colour

NUMBERS = [setting for setting in SETTINGS if isinstance(setting.default, int)]


def test_without_anything_the_defaults_are_in_force() -> None:
    assert dict(load_settings({})) == {setting.name: setting.default for setting in SETTINGS}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_row_says_what_it_is_and_its_default_fits(setting: Setting) -> None:
    assert setting.help
    assert setting.help[0].islower()
    assert not setting.help.endswith(".")
    if isinstance(setting.default, int):
        assert setting.minimum <= setting.default <= setting.maximum


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda setting: setting.name)
def test_both_bounds_are_included(setting: Setting) -> None:
    for value in (setting.minimum, setting.maximum):
        assert load_settings({PREFIX + setting.name.upper(): str(value)}).number(setting.name) == value
    for value in (setting.minimum - 1, setting.maximum + 1):
        with pytest.raises(SettingsError) as refused:
            load_settings({PREFIX + setting.name.upper(): str(value)})
        assert refused.value.name == setting.name
        assert PREFIX + setting.name.upper() in str(refused.value)


def test_the_environment_wins_over_the_default_and_an_option_over_both() -> None:
    environ = {"SEARCH_APP_PORT": "9000", "SEARCH_APP_HOST": "0.0.0.0"}
    assert load_settings(environ).number("port") == 9000
    settings = load_settings(environ, port=9100, host=None)
    assert (settings.number("port"), settings.text("host")) == (9100, "0.0.0.0")


def test_an_empty_variable_is_no_value() -> None:
    assert load_settings({"SEARCH_APP_PORT": ""}).number("port") == BY_NAME["port"].default


@pytest.mark.parametrize("value", ["", "many", "8000.5", "0x10", "１２３x", "-"])
def test_a_number_in_words_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match=r"port is “.*”; it takes a whole number from 0 to 65535"):
        load_settings({}, port=value)


def test_a_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"prot is not a setting\. Known: index, "):
        load_settings({}, prot=1)


def test_settings_are_a_mapping_that_cannot_be_changed() -> None:
    settings = load_settings({})
    assert len(settings) == len(SETTINGS)
    assert set(settings) == set(BY_NAME)
    assert not hasattr(settings, "__setitem__")


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm"}, True),
    ],
)
def test_colours_are_asked_about(environ: dict[str, str], wanted: bool) -> None:
    assert wants_colour(environ) is wanted
