"""What changed between two headlines, word by word.

In: two plain texts. Out: safe HTML with ``<del>`` and ``<ins>``.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from markupsafe import Markup, escape

# A word with the white space after it, or one character of a script without spaces.
WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+\s*|\s+")
# Comparing takes time with the product of the lengths; a text that long is no headline.
MOST_WORDS = 300
# Texts that share less than this are two headlines, not one with changes.
LEAST_ALIKE = 0.25


def word_changes(before: str, after: str) -> Markup:
    """Return ``after`` with what it lost and gained since ``before`` marked; unmarked where they have little in common.

    Cost: O(words of one × words of the other), bounded by ``MOST_WORDS``.
    """
    old, new = WORDS.findall(before), WORDS.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return escape(after)
    matcher = SequenceMatcher(None, [word.rstrip() for word in old], [word.rstrip() for word in new], autojunk=False)
    if matcher.ratio() < LEAST_ALIKE:
        return escape(after)
    parts = []
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            parts.append(escape("".join(new[new_from:new_to])))
            continue
        if old_from < old_to:
            parts.append(_marked("del", "".join(old[old_from:old_to])))
        if new_from < new_to:
            parts.append(_marked("ins", "".join(new[new_from:new_to])))
    return Markup("").join(parts)


def _marked(tag: str, text: str) -> Markup:
    """Return the text between tags, the white space at its end after them, and one space at least."""
    kept = text.rstrip()
    return Markup("<{0}>{1}</{0}> ").format(Markup(tag), kept) if kept else Markup(" ")  # noqa: S704 - our own tags
