"""Facet values that are one, on a cluster: which labels of a group an index has, and under which one they are shown.

In: groups of names, and the spelling of each in an index. Out: labels, queries, counts by the rules of
``engine.merging``. Nothing on the cluster changes, and an article keeps the label that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ...index.analysis import fold
from ..aliases import Aliases
from ..request import FACET_FIELDS
from .cluster import Json
from .mapping import KEY, key_order, value_key

Spellings = Mapping[tuple[str, str], str]
"""By facet and name, the archive's own spelling of it, ``""`` where it has none."""
Groups = Mapping[str, tuple[str, ...]]
"""By the label under which several are shown as one, all of these, at least two."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The labels of one index that are one, by facet.

    aliases : what they were made from. groups : those of which the index has several labels.
    shown : by each label of a group, the one under which it is shown.
    shown_for : by the folded name of any alias, known to the archive or not, the label under which it is shown.
    """

    aliases: Aliases
    groups: Mapping[str, Groups]
    shown: Mapping[str, Mapping[str, str]]
    shown_for: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, aliases: Aliases, spelled: Callable[[list[tuple[str, str]]], Spellings]) -> Merged:
        """Merge the names of each group: they are shown as the last of them that the archive has.

        spelled : looks up spellings. Cost: looks up every name in every facet.
        """
        wanted = [(field, name) for field in FACET_FIELDS for names in aliases.groups for name in names]
        spellings = spelled(wanted)
        groups: dict[str, dict[str, tuple[str, ...]]] = {field: {} for field in FACET_FIELDS}
        shown_for: dict[str, dict[str, str]] = {field: {} for field in FACET_FIELDS}
        for field in FACET_FIELDS:
            for names in aliases.groups:
                found = [label for label in (spellings[field, name] for name in names) if label]
                if found:
                    shown_for[field] |= dict.fromkeys(map(fold, names), found[-1])
                if len(set(found)) > 1:
                    groups[field][found[-1]] = tuple(dict.fromkeys(found))
        shown = {
            field: {label: name for name, labels in own.items() for label in labels} for field, own in groups.items()
        }
        return cls(aliases, groups, shown, shown_for)

    def find(self, field: str, name: str, spelling: str) -> str:
        """Return the label under which a name is shown, ``""`` where there is none.

        spelling : the archive's own of it, ``""`` where it has none.
        """
        return self.shown[field].get(spelling, spelling) if spelling else self.shown_for[field].get(fold(name), "")

    def labels(self, field: str, shown: str) -> tuple[str, ...]:
        """Return all labels that are shown as one."""
        return self.groups[field].get(shown, (shown,))

    def query(self, field: str, shown: Iterable[str]) -> Json:
        """Return the query for documents with any of some values; each value stands for all its labels."""
        keys = [value_key(label) for name in shown for label in self.labels(field, name)]
        return {"terms": {field + KEY: keys}}

    def settled(self, field: str, counts: Iterable[tuple[str, int]], merged: Iterable[int]) -> list[tuple[str, int]]:
        """Return the counts of all values, in the order of names, with those of groups in the place of their labels'.

        counts : key and count of each label. merged : the count of each group, in the order of ``groups``.
        """
        labels = {value_key(label) for label in self.shown[field]}
        found = [(key, count) for key, count in counts if key not in labels]
        found += [(value_key(name), count) for name, count in zip(self.groups[field], merged, strict=True) if count]
        return sorted(found, key=lambda pair: key_order(pair[0]))

    def count(self, field: str, held: Iterable[Iterable[str]]) -> list[tuple[str, int]]:
        """Return key and count of each value of some articles, in the order of names. held : the labels of each."""
        shown, counts = self.shown[field], dict[str, int]()
        for labels in held:
            for name in {shown.get(label, label) for label in labels}:
                counts[name] = counts.get(name, 0) + 1
        found = ((value_key(name), count) for name, count in counts.items())
        return sorted(found, key=lambda pair: key_order(pair[0]))
