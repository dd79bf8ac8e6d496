"""The pages in a browser: from disk, offline, on a desktop and a phone, in light, dark and print."""

import itertools
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.conftest import PAGES
from fabricated_run import HOSTILE

DESKTOP, PHONE = 1280, 390
# Text that contains a number and has no link to a cell next to it.
UNLINKED = """() => {
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT), unlinked = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent, at = walker.currentNode.parentElement;
    if (!/[0-9]/.test(text) || at.closest('script, code, h1')) continue;
    const part = at.closest('.verdicts li, figure, aside, .audit tr, .answer, .meaning, .lead')
      || (at.closest('.steps') && at.closest('section'));
    if (!part || !part.querySelector('a[href*=".html#"]')) unlinked.push(text.trim());
  }
  return unlinked;
}"""


class WatchedPage:
    """A page and its console messages, errors, failed requests and dialogs."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", lambda message: self.problems.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("requestfailed", lambda request: self.problems.append(f"not loaded: {request.url}"))
        page.on("dialog", lambda dialog: (self.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def open(self, path: Path) -> Page:
        self.page.goto(path.as_uri())
        if self.page.locator(".hover").count():
            self.page.locator(".plot .main-svg").first.wait_for()
        return self.page


@pytest.fixture(params=[(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def watched(browser: Browser, request: pytest.FixtureRequest) -> Iterator[WatchedPage]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    yield WatchedPage(context.new_page())
    context.close()


@pytest.fixture
def desktop(browser: Browser) -> Iterator[WatchedPage]:
    context = browser.new_context(viewport={"width": DESKTOP, "height": 900}, offline=True)
    yield WatchedPage(context.new_page())
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_without_errors_fits_the_screen_and_escapes_hostile_text(
    watched: WatchedPage, reports: Path, name: str, tmp_path: Path
) -> None:
    page = watched.open(reports / f"{name}.html")
    assert watched.problems == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert HOSTILE in page.locator("main").inner_text() or HOSTILE in page.locator("main").text_content()
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    shot = page.screenshot(full_page=True, path=tmp_path / "page.png")
    width, height = struct.unpack(">II", shot[16:24])
    assert width == page.viewport_size["width"]
    assert height >= 600


@pytest.mark.parametrize("name", PAGES)
def test_headings_are_in_order_and_images_have_alternative_texts(desktop: WatchedPage, reports: Path, name: str) -> None:
    page = desktop.open(reports / f"{name}.html")
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    unlabelled = "[...document.querySelectorAll('img, [role=img], svg[role]')].filter(e => !(e.alt || e.getAttribute('aria-label'))).length"
    assert page.evaluate(unlabelled) == 0


def test_every_number_of_the_report_has_a_link_to_its_cell(desktop: WatchedPage, reports: Path) -> None:
    assert desktop.open(reports / "churn" / "report.html").evaluate(UNLINKED) == []


def test_a_link_to_a_cell_scrolls_to_the_cell(desktop: WatchedPage, reports: Path) -> None:
    page = desktop.open(reports / "churn" / "report.html")
    page.locator(".verdicts a").first.click()
    page.wait_for_url("**/evaluate.html#metrics")
    target = page.locator("#metrics")
    expect(target).to_be_in_viewport()
    expect(target).to_contain_text("0.847")


def test_the_stage_navigation_leads_to_each_page(desktop: WatchedPage, reports: Path) -> None:
    page = desktop.open(reports / "churn" / "report.html")
    for stage in ("ingest", "tune", "conclude"):
        page.get_by_role("navigation", name="Stages").get_by_role("link", name=stage).click()
        page.wait_for_url(f"**/{stage}.html")
        expect(page.get_by_role("navigation", name="Stages").locator("[aria-current=page]")).to_have_text(stage)


def test_code_unfolds(desktop: WatchedPage, reports: Path) -> None:
    page = desktop.open(reports / "churn" / "tune.html")
    block = page.locator("#history .code")
    expect(block.locator("pre")).to_be_hidden()
    block.locator("summary").click()
    expect(block.locator("pre")).to_be_visible()


def test_a_figure_shows_values_on_hover(desktop: WatchedPage, reports: Path) -> None:
    page = desktop.open(reports / "churn" / "report.html")
    bar = page.locator(".plot .point").first
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    expect(page.locator(".hoverlayer .hovertext").first).to_contain_text(HOSTILE)
    assert desktop.problems == []


def test_a_figure_changes_colours_with_the_colour_scheme(desktop: WatchedPage, reports: Path) -> None:
    page = desktop.open(reports / "churn" / "report.html")
    bar = page.locator(".plot .point path").first
    colours = [bar.evaluate("e => getComputedStyle(e).fill")]
    page.emulate_media(color_scheme="dark")
    expect(bar).not_to_have_css("fill", colours[0])
    assert desktop.problems == []


def test_embedded_pictures_are_displayed(watched: WatchedPage, reports: Path) -> None:
    for name in ("report", "evaluate"):
        picture = watched.open(reports / "churn" / f"{name}.html").locator(".pictures img")
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        expect(picture).to_have_js_property("naturalWidth", 1)
        box = picture.bounding_box()
        assert box is not None
        assert box["width"] > 0
    assert watched.problems == []


def test_inline_styles_and_scripts_are_absent_and_blocked(desktop: WatchedPage, reports: Path) -> None:
    for name in PAGES:
        text = (reports / f"{name}.html").read_text(encoding="utf-8")
        assert "unsafe-" not in text
        assert " style=" not in text
        assert "<style" not in text
    page = desktop.open(reports / "churn" / "report.html")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x: onerror=\"document.title=1\">')")
    page.wait_for_timeout(100)
    assert page.title() != "1"
    assert any("Content Security Policy" in problem for problem in desktop.problems)


def test_the_keyboard_skips_to_the_content(desktop: WatchedPage, reports: Path) -> None:
    page = desktop.open(reports / "churn" / "report.html")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    outline = page.evaluate("(document.querySelector('.brand').focus(), getComputedStyle(document.activeElement).outlineStyle)")
    assert outline != "none"


def test_print_hides_navigation_and_code(desktop: WatchedPage, reports: Path) -> None:
    page = desktop.open(reports / "churn" / "tune.html")
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.get_by_role("navigation", name="Stages")).to_be_hidden()
    expect(page.locator(".code").first).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(22, 32, 42)"


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours by relative luminance (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_sufficient_contrast(desktop: WatchedPage, reports: Path, scheme: str) -> None:
    page = desktop.open(reports / "index.html")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    names = ["paper", "wash", "ink", "soft", "accent", "met", "unmet", "open"]
    read = "names => names.map(n => getComputedStyle(document.documentElement).getPropertyValue('--' + n).trim())"
    paper, wash, *colours = page.evaluate(read, names)
    assert min(contrast(colour, ground) for colour in colours for ground in (paper, wash)) >= 4.5
