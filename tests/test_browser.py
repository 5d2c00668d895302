"""The pages in a real browser: what people do with mouse, keyboard and small screens, and what they look like.

Pictures of every kind of page, on wide screens and on phones, light and dark, are laid in ``screenshots/``, or in the
folder that ``SCREENSHOTS`` names.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import FLAGS, NARROW, REPOSITORY, WIDE, Visit, fetch_axe, find_chromium, record, serving

pytestmark = pytest.mark.browser

PICTURES = Path(os.environ.get("SCREENSHOTS") or REPOSITORY / "screenshots")
SCHEMES = ("light", "dark")

STRIKE = "/news/2023/03/4/dockers-in-port-amaro-walk-out-over-night-shifts"
KINDS = {
    "front": "/",
    "results": "/search?q=harbour",
    "everything": "/search",
    "filtered": "/search?q=harbour&topic=Port+Amaro+harbour+strike&not_source=The+Halvik+Post&from=2023",
    "partial": "/search?q=harbour+zebra",
    "nothing": "/search?q=comet&topic=Railways",
    "facet": "/search/facet/context",
    "topic": "/topic/Port%20Amaro%20harbour%20strike",
    "context": "/context/Kestria",
    "source": "/source/The%20Halvik%20Post",
    "article": f"{STRIKE}.html",
    "result": f"{STRIKE}.html?q=harbour+strike&at=1",
    "editorial": "/opinion/2025/12/15/eleven-millimetres.html",
    "day": "/news/2023/03/4/",
    "month": "/news/2023/03/",
    "year": "/news/2023/",
    "programs": "/api/",
    "slip": "/search?q=harbour&from=2023-13",
    "missing": "/nowhere",
}
# What is worth a look besides: another language of the interface, what is folded away on its first view.
VIEWS = {
    "chinese": "/search?q=harbour&lang=zh",
    "reasons": "/search?q=harbour+strike&explain=1&per_page=5",
    "later": "/search?page=3&per_page=5",
}
STATUS = {"slip": 400, "missing": 404}
Opener = Callable[..., Visit]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A server over the sample archive, in a process of its own."""
    find_chromium()
    with serving("demo", "--port", "0", "--workers", "1") as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = find_chromium()
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def windows() -> dict[str, Visit]:
    """The windows that are open, by what they are like. To open one takes longer than most tests are in it."""
    return {}


@pytest.fixture
def visit(site: str, chromium: Any, windows: dict[str, Visit]) -> Iterator[Opener]:
    """Look into windows; at the end none of them has asked for anything foreign or complained of anything."""
    used: list[Visit] = []

    def look_into(path: str | None = "/", width: int = WIDE, height: int = 800, **options: Any) -> Visit:
        like = str((width, height, sorted(options.items())))
        if like not in windows:
            context = chromium.new_context(viewport={"width": width, "height": height}, **options)
            windows[like] = Visit(context.new_page(), site)
            record(windows[like])
        window = windows[like]
        assert window not in used, "two windows of a test differ in something"
        used.append(window)
        if path is not None:
            window.go(path)
        return window

    yield look_into
    assert [window.leave() for window in used] == [([], [])] * len(used)


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core."""
    return fetch_axe(tmp_path_factory.mktemp("axe"))


# What was found in order is a megabyte a page, which costs more to hand over than to find.
EXAMINE = """axe.run(document, {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'],
}).then(found => found.violations.map(rule => [rule.id, rule.nodes.slice(0, 3).map(node => node.html)]))"""


def total(page: Any) -> int:
    """Return the number of hits that the page says it has."""
    first = page.locator("h1").inner_text().split()[0]
    return 0 if first == "Nothing" else int(first.replace(",", ""))


def test_a_search_from_the_front_page(visit: Opener) -> None:
    page = visit("/").page
    page.fill("#q", "harbour strike")
    page.press("#q", "Enter")
    page.wait_for_url("**/search?q=harbour+strike")
    assert page.input_value("#q") == "harbour strike"
    assert total(page) >= page.locator("ol.hits").first.locator("li").count() > 3
    assert page.locator(".hits li mark").first.inner_text().lower() in ("harbour", "strike", "harbour strike")
    page.locator(".hits li h3 a").first.click()
    page.locator("article h1").wait_for()
    assert page.locator("article h1").count() == 1


def test_results_are_read_one_after_the_other(visit: Opener) -> None:
    page = visit("/search?q=harbour").page
    found = total(page)
    headlines = page.locator("ol.hits").first.locator("h3 a").all_inner_texts()
    page.locator(".hits li h3 a").nth(1).click()
    page.get_by_role("link", name=f"Result 2 of {found}").wait_for()
    assert page.locator("h1").inner_text() == headlines[1]
    for number in (3, 4):
        page.get_by_role("link", name="Next result").click()
        page.get_by_role("link", name=f"Result {number} of {found}").wait_for()
        assert page.locator("h1").inner_text() == headlines[number - 1]
    page.get_by_role("link", name="Previous result").click()
    page.get_by_role("link", name=f"Result 3 of {found}").click()
    page.locator("ol.hits").first.wait_for()
    assert total(page) == found
    assert page.input_value("#q") == "harbour"


def test_filters_narrow_and_chips_widen(visit: Opener) -> None:
    page = visit("/search?q=harbour").page
    before = total(page)
    box = page.locator('input[name="topic"]').first
    told = int(box.locator("xpath=..").locator("small").inner_text())
    assert told < before
    box.click()
    page.wait_for_url("**topic=*")
    assert total(page) == told
    assert page.evaluate("document.activeElement.name") == "topic"
    page.locator(".chips a").first.click()
    page.wait_for_url(lambda address: "topic=" not in address)
    assert total(page) == before
    page.go_back()
    page.wait_for_url("**topic=*")
    assert total(page) == told
    assert page.locator('input[name="topic"]').first.is_checked()
    page.go_back()
    page.wait_for_url(lambda address: "topic=" not in address)
    assert total(page) == before
    assert page.locator("input[type=checkbox]:checked").count() == 0


def test_a_value_is_left_out(visit: Opener) -> None:
    page = visit("/search?q=harbour").page
    before = total(page)
    button = page.locator('button[name="not_context"]').first
    told = int(button.locator("xpath=..").locator("small").inner_text())
    button.click()
    page.wait_for_url("**not_context=*")
    assert total(page) == before - told
    assert page.locator(".chips .negative").count() == 1


def test_a_bar_narrows_the_dates(visit: Opener) -> None:
    page = visit("/search").page
    bar = page.locator(".timeline svg a").first
    told = int(bar.locator("title").text_content().rsplit(": ", 1)[1].split()[0])
    box = bar.locator("rect").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 2)
    page.wait_for_url("**from=*")
    assert total(page) == told
    assert page.input_value('.dates [name="from"]') != ""
    page.go_back()
    page.wait_for_url(lambda address: "from=" not in address)
    assert page.input_value('.dates [name="from"]') == ""


def test_dates_are_taken_as_typed(visit: Opener) -> None:
    page = visit("/search").page
    page.fill('.dates [name="from"]', "march 2023")
    page.press('.dates [name="from"]', "Enter")
    page.get_by_text("Date: from 1 March 2023").wait_for()
    assert page.input_value('.dates [name="from"]') == "2023-03"
    page.fill('.dates [name="to"]', "soon")
    page.press('.dates [name="to"]', "Enter")
    page.get_by_role("heading", name="This search has a slip in it").wait_for()
    assert page.input_value('.dates [name="to"]') == "soon"


FOCUSED = """() => {
  const active = document.activeElement, style = getComputedStyle(active);
  const box = active.getBoundingClientRect();
  window.before = window.before || document.body;
  const forward = !!(window.before.compareDocumentPosition(active) & Node.DOCUMENT_POSITION_FOLLOWING);
  window.before = active;
  const drawn = active.namespaceURI.includes('svg')
    ? getComputedStyle(active.querySelector('rect')).fill !== 'rgba(0, 0, 0, 0)'
    : style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return {tag: active.tagName.toLowerCase(), text: active.textContent.trim(), forward, drawn,
          seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth};
}"""


@pytest.mark.parametrize("kind", ["front", "results", "article", "month", "facet"])
def test_the_keyboard_reaches_everything_in_order(visit: Opener, kind: str) -> None:
    page = visit(KINDS[kind]).page
    count = page.evaluate("document.querySelectorAll('a[href], button, input:not([type=hidden]), summary').length")
    page.keyboard.press("Tab")
    first = page.evaluate(FOCUSED)
    assert (first["text"], first["seen"], first["drawn"]) == ("Skip to the content", True, True)
    reached = 1
    for _ in range(count + 5):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUSED)
        # Behind the last comes the browser's own bar, or the first again.
        if focus["tag"] == "body" or focus["text"] == first["text"]:
            break
        reached += 1
        assert focus["forward"], focus
        assert focus["drawn"], focus
        assert focus["seen"], focus
    hidden = page.evaluate(
        "[...document.querySelectorAll('details:not([open]) :is(a, button, input)')]"
        ".filter(e => !e.checkVisibility({contentVisibilityAuto: true})).length"
    )
    radios = page.evaluate("document.querySelectorAll('input[type=radio]:not(:checked)').length")
    assert reached >= count - hidden - radios - 1


def test_the_skip_link_skips(visit: Opener) -> None:
    page = visit("/search?q=harbour").page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_search_with_the_keyboard_alone(visit: Opener) -> None:
    page = visit("/").page
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "q":
            break
    page.keyboard.type("harbour")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=harbour")
    before = total(page)
    page.locator('input[name="topic"]').first.focus()
    page.keyboard.press("Space")
    page.wait_for_url("**topic=*")
    assert 0 < total(page) < before


def test_a_key_leads_to_the_search_box(visit: Opener) -> None:
    page = visit("/search?q=harbour").page
    page.keyboard.press("/")
    page.keyboard.type("a/b")
    assert page.evaluate("[document.activeElement.id, document.activeElement.value]") == ["q", "a/b"]
    page.focus(".filters [name=from]")
    page.keyboard.press("/")
    assert page.input_value(".filters [name=from]") == "/"


def test_completions_are_taken_with_the_keyboard(visit: Opener, axe: str) -> None:
    page = visit("/search?from=2023").page
    box = page.get_by_role("combobox")
    box.press_sequentially("harb")
    options = page.locator("#completions [role=option]")
    options.first.wait_for()
    assert box.get_attribute("aria-expanded") == "true"
    page.evaluate(axe)
    assert page.evaluate(EXAMINE) == []
    box.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    assert options.first.get_attribute("aria-selected") == "true"
    box.press("Escape")
    assert options.count() == 0
    assert box.input_value() == "harb"
    box.press_sequentially("our")
    wanted = (
        page.locator("#completions [role=option]").filter(has_text="Port Amaro harbour strike").filter(has_text="topic")
    )
    wanted.wait_for()
    while wanted.get_attribute("aria-selected") != "true":
        box.press("ArrowDown")
    box.press("Enter")
    page.wait_for_url("**topic=Port+Amaro+harbour+strike**")
    assert "from=2023" in page.url
    assert total(page) > 0


def test_what_was_typed_is_searched_whatever_is_offered(visit: Opener) -> None:
    page = visit("/").page
    page.locator("#q").press_sequentially("harb")
    page.locator("#completions [role=option]").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=harb")


def test_without_script_nothing_is_lost(visit: Opener) -> None:
    page = visit("/search?q=harbour", java_script_enabled=False).page
    before = total(page)
    page.locator('input[name="context"]').first.check()
    assert total(page) == before
    page.get_by_role("button", name="Apply filters").first.click()
    page.wait_for_url("**context=*")
    assert 0 < total(page) <= before
    page.locator(".timeline svg a").first.click(position={"x": 2, "y": 2})
    page.wait_for_url("**from=*")


def test_a_phone_folds_the_filters_and_shows_results_first(visit: Opener) -> None:
    page = visit("/search?q=harbour", width=NARROW, height=740, has_touch=True).page
    box = page.locator('input[name="topic"]').first
    assert not box.is_visible()
    assert page.locator(".hits li").first.bounding_box()["y"] < 740
    page.get_by_text("Filters", exact=True).click()
    assert box.is_visible()
    told = int(box.locator("xpath=..").locator("small").inner_text())
    box.check()
    page.get_by_role("button", name=f"Show {told} articles").last.click()
    page.wait_for_url("**topic=*")
    assert total(page) == told
    assert not page.locator('input[name="topic"]').first.is_visible()
    assert page.get_by_text("Filters (1)").is_visible()


def test_a_phone_promises_no_total_of_closest_matches(visit: Opener) -> None:
    page = visit("/search?q=harbour+zebra", width=NARROW, height=740, has_touch=True).page
    page.get_by_text("Filters", exact=True).click()
    box = page.locator('input[name="topic"]').first
    with page.expect_response("**/api/search?*") as asked:
        box.check()
    answer = asked.value.json()
    assert answer["relaxed"]
    # Time for the script to say what it must not say.
    page.wait_for_timeout(300)
    page.get_by_role("button", name="Apply filters").last.click()
    page.wait_for_url("**topic=*")
    assert page.locator("h1").inner_text().startswith(f"{answer['total']} close matches")


ENDS = """text => {
  const hit = document.querySelector('.hits li:has(> p:not([class]))');
  return ['h3 a', 'p:not([class])'].map(place => {
    const element = hit.querySelector(place);
    element.textContent = text;
    const words = document.createRange();
    words.selectNodeContents(element);
    const [drawn, line] = [words, element.closest('h3, p')].map(one => one.getBoundingClientRect());
    return [Math.round(drawn.left - line.left), Math.round(line.right - drawn.right)];
  });
}"""


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_what_is_written_from_the_right_begins_there(visit: Opener, width: int) -> None:
    page = visit("/search?q=harbour", width=width).page
    for left, right in page.evaluate(ENDS, "إضراب الميناء (2031)!"):
        assert (right, left > 50) == (0, True)
    for left, right in page.evaluate(ENDS, "A strike (2031)!"):
        assert (left, right > 50) == (0, True)


def test_paper_has_the_hits_and_says_what_they_are(visit: Opener) -> None:
    page = visit("/search?q=harbour&from=2023").page
    page.emulate_media(media="print")
    for shown in ("h1", ".chips", ".hits li >> nth=0", ".built"):
        assert page.locator(shown).is_visible(), shown
    for gone in (".filters", "#search", ".pager", ".sorts", ".took", ".why", ".programs"):
        assert not page.locator(gone).is_visible(), gone
    assert page.locator(".hits li").first.bounding_box()["x"] < 100


SHIFTED = """() => new Promise(done => {
  let shifted = 0;
  new PerformanceObserver(found => { for (const entry of found.getEntries()) shifted += entry.value; })
    .observe({type: 'layout-shift', buffered: true});
  requestAnimationFrame(() => setTimeout(() => done(shifted), 100));
})"""


def test_nothing_moves_when_the_script_comes(visit: Opener) -> None:
    """Late, on a window so tall that all that matters is in it."""
    window = visit(None, width=NARROW, height=3000)

    def come_late(route: Any) -> None:
        time.sleep(0.3)
        route.continue_()

    window.page.route("**/*.js?*", come_late)
    for kind in ("front", "filtered", "article", "facet"):
        window.go(KINDS[kind])
        assert window.page.evaluate(SHIFTED) == 0, kind
    assert window.page.locator("[role=combobox]").count() == 1
    window.page.unroute("**/*.js?*")


@pytest.mark.parametrize(("language", "words"), {"en": ("Copy", "Copied"), "zh": ("复制", "已复制")}.items())
def test_a_citation_is_copied(visit: Opener, language: str, words: tuple[str, str]) -> None:
    page = visit(f"{KINDS['article']}?lang={language}", permissions=["clipboard-read", "clipboard-write"]).page
    page.get_by_role("button", name=words[0], exact=True).click()
    page.get_by_role("button", name=words[1], exact=True).wait_for()
    cited = page.evaluate("navigator.clipboard.readText()")
    assert cited.startswith("“Dockers in Port Amaro walk out over night shifts.”")
    assert cited.endswith(f"{STRIKE}.html")


def test_articles_beside_one_are_large_enough_to_be_hit(visit: Opener) -> None:
    page = visit(KINDS["article"], width=768).page
    heights = page.locator(".side :is(li, dd) time + a").evaluate_all("links => links.map(link => link.clientHeight)")
    assert len(heights) > 5
    assert min(heights) >= 24


def test_paper_is_white_whatever_the_screen_is(visit: Opener) -> None:
    page = visit(KINDS["article"], color_scheme="dark").page
    page.emulate_media(media="print")
    shades = "place => getComputedStyle(document.querySelector(place))"
    assert page.evaluate(f"({shades})('body').backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(f"({shades})('.cite').backgroundColor") != "rgb(38, 36, 31)"
    for gone in (".aside", ".formats", ".copy"):
        assert not page.locator(gone).first.is_visible(), gone


def test_what_is_current_shows_where_the_reader_sets_all_colours(visit: Opener) -> None:
    page = visit("/search?per_page=5&page=2", forced_colors="active").page
    edges = page.locator(".pager li a").evaluate_all(
        "links => links.map(link => getComputedStyle(link).borderTopStyle)"
    )
    assert (edges.count("solid"), edges[1]) == (1, "solid")
    page.locator("#q").press_sequentially("harb")
    page.locator("#completions [role=option]").first.wait_for()
    page.keyboard.press("ArrowDown")
    lines = page.locator("#completions [role=option]").evaluate_all(
        "options => options.map(option => getComputedStyle(option).outlineStyle)"
    )
    assert (lines.count("solid"), lines[0]) == (1, "solid")


# How much what is drawn over a bar with the focus differs from the paper, as WCAG reckons it.
CONTRAST = """() => {
  const light = parts => parts.map(part => part / 255)
    .map(part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
    .reduce((sum, part, n) => sum + part * [.2126, .7152, .0722][n], 0);
  const parts = colour => colour.match(/[0-9.]+/g).slice(0, 3).map(Number);
  const style = getComputedStyle(document.activeElement.querySelector('rect'));
  const paper = parts(getComputedStyle(document.body).backgroundColor);
  const drawn = parts(style.fill).map((part, n) => part * style.fillOpacity + paper[n] * (1 - style.fillOpacity));
  const [less, more] = [light(paper), light(drawn)].sort((a, b) => a - b);
  return (more + .05) / (less + .05);
}"""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_focus_on_a_bar_is_seen_beside_it(visit: Opener, scheme: str) -> None:
    page = visit("/search", color_scheme=scheme).page
    page.locator(".timeline summary").focus()
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.namespaceURI").endswith("svg")
    assert page.evaluate(CONTRAST) >= 3


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_no_name_of_a_table_is_broken(visit: Opener, width: int) -> None:
    page = visit("/api/", width=width).page
    lines = page.locator("td:first-child code").evaluate_all("names => names.map(name => name.getClientRects().length)")
    assert len(lines) > 50
    assert set(lines) == {1}


def test_dark_is_dark(visit: Opener) -> None:
    light, dark = (visit("/search?q=harbour", color_scheme=scheme).page for scheme in ("light", "dark"))
    shade = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).reduce((a, b) => +a + +b, 0)"
    assert light.evaluate(shade) > 700
    assert dark.evaluate(shade) < 120


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_no_kind_of_page_scrolls_sideways(visit: Opener, width: int) -> None:
    """And pictures of each, light and dark, are kept for people to look at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    window = visit(None, width=width, color_scheme="dark", has_touch=width == NARROW)
    for kind, path in {**KINDS, **VIEWS}.items():
        assert window.go(path) == STATUS.get(kind, 200), kind
        for scheme in SCHEMES:
            window.page.emulate_media(color_scheme=scheme)
            assert window.page.evaluate("document.documentElement.scrollWidth") <= width, (kind, scheme)
            file = PICTURES / f"{kind}-{width}-{scheme}.png"
            window.page.screenshot(path=file, full_page=True)
            assert file.stat().st_size > 5_000, (kind, scheme)


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_and_nothing_more_is_loaded(
    visit: Opener, axe: str, kind: str, width: int, scheme: str
) -> None:
    window = visit(None, width=width, color_scheme=scheme, has_touch=width == NARROW)
    assert window.go(KINDS[kind]) == STATUS.get(kind, 200)
    # The panels of a phone are open for the examination.
    window.page.evaluate("document.querySelectorAll('details').forEach(panel => panel.open = true)")
    window.page.evaluate(axe)
    assert window.page.evaluate(EXAMINE) == []
    window.page.wait_for_load_state("networkidle")
    kinds = sorted(kind for _, kind in window.asked)
    # The browser may or may not ask for the icon.
    assert [kind for kind in kinds if kind not in ("other", "image")] == ["document", "script", "stylesheet"]
    assert len(kinds) <= 4


@pytest.mark.parametrize(("path", "sheets"), {"/search": ["style.css"], "/": ["style.css", "pages.css"]}.items())
def test_the_squeezed_style_sheet_says_the_same(visit: Opener, path: str, sheets: list[str]) -> None:
    folder = REPOSITORY / "search_app" / "web" / "static"
    sheet = "".join((folder / name).read_text() for name in sheets)
    rules = visit(path).page.evaluate(
        """sheet => {
            const own = new CSSStyleSheet();
            own.replaceSync(sheet);
            // Values of custom properties are kept as they were written.
            const plain = rule => rule.cssText.replaceAll(/, */g, ",");
            return [own, document.styleSheets[0]].map(sheet => [...sheet.cssRules].map(plain));
        }""",
        sheet,
    )
    assert rules[0] == rules[1]
    assert len(rules[0]) > 100
