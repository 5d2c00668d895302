"""The sample archive: the same bytes for the same seed, every form of the format in it, and a world of its own."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from search_app.archive import read_archive
from search_app.sample import write_sample
from search_app.sample.render import MAX_SLUG_BYTES, slug
from search_app.sample.world import CITIES


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder)
    return folder


def digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.md")):
        total.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def articles(folder: Path) -> list[Path]:
    return [path for path in (folder / "news").rglob("*.md") if path.name not in ("index.md", "README.md")]


def test_the_same_seed_gives_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "again")
    write_sample(tmp_path / "other", seed=2)
    assert digest(tmp_path / "again") == digest(sample)
    assert digest(tmp_path / "other") != digest(sample)


def test_counts_are_those_of_the_files(sample: Path, tmp_path: Path) -> None:
    counts = write_sample(tmp_path)
    assert counts["article"] + counts["superseded"] == len(articles(tmp_path))
    assert 280 <= counts["article"] <= 340
    # What the demo says it wrote is what it then says it built.
    assert counts["article"] + counts["editorial"] == len(read_archive(tmp_path).articles)
    assert sum(counts.values()) == sum(1 for _ in tmp_path.rglob("*.md"))


def test_it_covers_three_years_and_many_days(sample: Path) -> None:
    days = {date(*map(int, path.parts[-4:-1])) for path in articles(sample)}
    assert {day.year for day in days} == {2023, 2024, 2025}
    assert len(days) > 150
    assert {(day.year, day.month) for day in days} >= {
        (year, month) for year in (2023, 2024, 2025) for month in range(2, 12)
    }


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(r"(?m)^Formats: \[HTML\]", id="formats line"),
        pytest.param(r"(?m)^##### ", id="topic"),
        pytest.param(r"(?m)^### Source:$", id="one source"),
        pytest.param(r"(?m)^### Sources:$", id="sources"),
        pytest.param(r"\[Cover Image\]\(\S+&amp;h=630\)", id="cover image"),
        pytest.param(r"\) \[IMG\]\(", id="picture beside a source"),
        pytest.param(r"\(First version\)_", id="first version"),
        pytest.param(r"_\(Current version\)_", id="current version"),
        pytest.param(r"_Context: [^_]*, 2024[,_]", id="context with a comma"),
        pytest.param(r"&quot;", id="entity"),
        pytest.param(r"&#x20;", id="spaced with entities"),
        pytest.param(r"''\w", id="wiki quotes"),
        pytest.param(r"(?m)^### \[20\d\d-\d\d-\d\]", id="day without its zero"),
        pytest.param(r"(?m)^# .* $", id="headline with an outer space"),
        pytest.param(r"(?m)^### 信息来源:$", id="Chinese sources"),
        pytest.param(r"_消息: ", id="Chinese contexts"),
        pytest.param(r"\(/zh/news/", id="language prefix"),
        pytest.param(r"(?m)^# .*\n\n\n\n\n###", id="no summary"),
    ],
)
def test_it_holds_every_form_of_the_format(sample: Path, form: str) -> None:
    assert any(re.search(form, path.read_text(encoding="utf-8")) for path in articles(sample))


def test_old_files_have_neither_topic_nor_formats(sample: Path) -> None:
    old = [path.read_text(encoding="utf-8") for path in articles(sample) if path.parts[-4:-2] == ("2023", "03")]
    assert old
    assert not any("##### " in text or "Formats:" in text for text in old)


def test_day_pages_name_contexts_where_a_summary_is_missing(sample: Path) -> None:
    pages = [path.read_text(encoding="utf-8") for path in (sample / "news").rglob("index.md")]
    assert any("\n_Context: " in page for page in pages)
    assert all(
        (path.parent / "README.md").read_bytes() == path.read_bytes() for path in (sample / "news").rglob("index.md")
    )


def test_every_related_link_leads_to_a_file(sample: Path) -> None:
    links = 0
    for path in articles(sample):
        for link in re.findall(r"\]\((?:/zh)?/(news/\S+\.md)\) _(?:Context|消息):", path.read_text(encoding="utf-8")):
            assert (sample / link).is_file(), link
            links += 1
    assert links > 1000


def test_facets_are_pleasant(sample: Path) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in articles(sample))
    topics = Counter(re.findall(r"(?m)^##### (.+)$", text))
    assert len(topics) > 25
    assert topics.most_common(1)[0][1] >= 6
    assert all(country in text for country in CITIES)


def test_no_pattern_is_left_unfilled(sample: Path) -> None:
    assert not any(re.search(r"[{}|]", path.read_text(encoding="utf-8")) for path in articles(sample))


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        ("Ardenia beat Kestria 3–2", "ardenia-beat-kestria-3-2"),
        ('"The Fourth Crew" wins!', "the-fourth-crew-wins"),
        ("云屿灯节点亮一万盏纸灯，港口彻夜不眠", "云屿灯节点亮一万盏纸灯-港口彻夜不眠"),
    ],
)
def test_slugs(headline: str, expected: str) -> None:
    assert slug(headline) == expected


def test_long_slugs_are_cut_between_characters() -> None:
    cut = slug("港" * 100)
    assert len(cut.encode()) <= MAX_SLUG_BYTES
    assert set(cut) == {"港"}
