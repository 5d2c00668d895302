"""The tests of ``test_aliases.py`` that search, against the engine on a cluster."""

from __future__ import annotations

import test_aliases

from .contract import adopt

adopt(
    test_aliases,
    globals(),
    # They ask no engine.
    without=(
        "test_a_line_is_a_group_and_comments_are_none",
        "test_lines_that_share_a_name_are_one_group",
        "test_a_bad_line_is_named_and_the_others_count",
        "test_a_file_that_is_too_large_is_not_read",
        "test_any_bytes_are_read_without_an_error",
        "test_what_was_typed_finds_its_equals",
        "test_letters_side_by_side_are_a_name",
        "test_as_text_a_name_is_what_was_typed",
        "test_a_query_of_many_names_looks_for_a_bounded_number_of_equals",
        "test_random_trees_are_expanded_as_the_plain_rules_say",
    ),
)
