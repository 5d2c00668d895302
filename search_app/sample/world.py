"""The invented world of the sample: countries, cities, newspapers, names, and sentences with gaps to fill from them.

In: a generator of random numbers and a pattern such as ``{Storm|Gale} over {city}``. Out: text. Every place, person
and paper in here is made up.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

CITIES: Mapping[str, tuple[str, ...]] = {
    "Ardenia": ("Halvik", "Ostby", "Fennmark", "Kvalnes"),
    "Kestria": ("Velmora", "Port Amaro", "Bresk", "Saltmere"),
    "Tavora": ("Sel", "Old Mill", "Orunbridge", "Hochberg"),
    "Vauclère": ("Clairmont", "Saint-Aubrac", "Montfleur"),
    "Cordalia": ("Puerto Zafiro", "Las Ánimas", "Valdeluna"),
    "Marrow Islands": ("Quill Bay", "Marrow Atoll", "Lantern Point"),
    "Yunyu": ("Qingshi Harbour", "Lower Bamboo", "Three Wells"),
}

PAPERS: Mapping[str, tuple[str, str]] = {
    "The Halvik Post": ("halvikpost.example", "Ardenia"),
    "Nordlys Wire": ("nordlys.example", "Ardenia"),
    "Amaro Courier": ("courier.example", "Kestria"),
    "Velmora Today": ("velmora-today.example", "Kestria"),
    "Sel Evening Mirror": ("selmirror.example", "Tavora"),
    "The Orun Star": ("orunstar.example", "Tavora"),
    "Le Courrier de Clairmont": ("clairmont.example", "Vauclère"),
    "El Faro de Zafiro": ("elfaro.example", "Cordalia"),
    "Quill Bay Gazette": ("quillbay.example", "Marrow Islands"),
    "云屿日报": ("yunyu.example", "Yunyu"),
    "Straits Radio": ("straitsradio.example", ""),
    "S. R. Agency": ("sragency.example", ""),
}
PAPERS_BY_LANGUAGE: Mapping[str, tuple[str, ...]] = {
    "zh": ("云屿日报",),
    "fr": ("Le Courrier de Clairmont",),
    "es": ("El Faro de Zafiro",),
}

_GIVEN = (
    "Ada Bruno Celia Dario Elka Farid Greta Henk Irena Jonas Kaia Luka Marta Nadir Odile Piet Rosa Stellan Tova Ugo "
    "Vera"
)
_FAMILY = (
    "Aldoren Bergmoor Castellane Dragomir Eikeland Ferrant Grindal Hovland Iversk Jurado Kallmar Lindqvane Mirov "
    "Nordahl Ormonde Pellerin Quarrie Rosmund Sandvik Tessaro Umbrecht Valcourt Wendel Ystad Zamoyr"
)
_GAP = re.compile(r"\{([^{}]*)\}")
_SPAN = re.compile(r"(\d+)-(\d+)\Z")


class Gaps:
    """What stands in the gaps of one article: a place, another place, a person, the same wherever they are named."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        country, country2 = rng.sample(sorted(CITIES), 2)
        city = rng.choice(CITIES[country])
        self._names = {
            "country": country,
            "country2": country2,
            "city": city,
            "city2": rng.choice([other for cities in CITIES.values() for other in cities if other != city]),
            "person": f"{rng.choice(_GIVEN.split())} {rng.choice(_FAMILY.split())}",
        }

    @property
    def country(self) -> str:
        """The country in which it happens."""
        return self._names["country"]

    def fill(self, pattern: str) -> str:
        """Return the pattern with its gaps filled: ``{city}`` a name, ``{2-9}`` a number, ``{a|b}`` one of the two.

        Gaps inside gaps are filled first.
        """
        while (gap := _GAP.search(pattern)) is not None:
            pattern = pattern[: gap.start()] + self._one(gap[1]) + pattern[gap.end() :]
        return pattern

    def _one(self, gap: str) -> str:
        if gap in self._names:
            return self._names[gap]
        if span := _SPAN.match(gap):
            return str(self._rng.randint(int(span[1]), int(span[2])))
        return self._rng.choice(gap.split("|"))


def pick_papers(rng: random.Random, country: str, language: str) -> tuple[str, ...]:
    """Return one to three papers that may have reported it: those of the country first, each once."""
    near = PAPERS_BY_LANGUAGE.get(language) or tuple(name for name, (_, home) in PAPERS.items() if home == country)
    wide = tuple(name for name, (_, home) in PAPERS.items() if home != country and name not in near)
    chosen = list(rng.sample(near, min(len(near), rng.choice((1, 1, 2)))))
    if not chosen or rng.random() < 0.45:
        chosen.append(rng.choice(wide))
    return tuple(chosen)
