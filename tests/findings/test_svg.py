"""SVG drawings in a page: shapes are preserved, scripts and external resources are removed."""

import re
from importlib import resources

import pytest

from fabricated_run import HOSTILE, curve
from glassbox.findings.plot_style import PALETTE
from glassbox.findings.svg import COLOURS, page_svg


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<style>* { fill: red }</style>",
        "<foreignObject><img src='x'/></foreignObject>",
        "<a href='javascript:alert(1)'><path d='M0 0'/></a>",
        "<image href='https://elsewhere.example/x.png'/>",
        "<image href='data:text/html;base64,PHNjcmlwdD4='/>",
        "<path d='M0 0' onclick='alert(1)'/>",
        "<path d='M0 0' style='fill: url(https://elsewhere.example/#a)'/>",
        "<use href='other.svg#a'/>",
    ],
)
def test_scripts_styles_and_external_resources_are_removed(inside: str) -> None:
    drawn = page_svg(f"<svg viewBox='0 0 1 1'>{inside}</svg>")
    assert drawn
    assert not re.search(r"script|style|foreign|javascript|elsewhere|onclick|data:text|other\.svg", drawn)


def test_text_from_data_is_escaped() -> None:
    figure = curve("A title", "A sentence.")
    assert figure.svg is not None
    drawn = page_svg(figure.svg)
    assert "&lt;img src=x onerror=alert(1)&gt;" in drawn
    assert HOSTILE not in drawn


def test_style_declarations_become_attributes_with_the_colours_of_the_page() -> None:
    drawn = page_svg("<svg><text style=\"font: bold 9px 'A B'; fill: #16202A; text-anchor: middle\">x</text></svg>")
    assert 'font-size="9px"' in drawn
    assert 'font-weight="bold"' in drawn
    assert 'fill="var(--ink, #16202a)"' in drawn
    assert "style" not in drawn


def test_ids_referenced_within_a_drawing_are_unique_to_it() -> None:
    one, two = (
        page_svg(f"<svg><defs><path id='m' d='M0 {i}'/></defs><use href='#m' clip-path='url(#m)'/></svg>") for i in (1, 2)
    )
    ids = [re.search(r'id="([^"]+)"', drawn) for drawn in (one, two)]
    assert ids[0] is not None
    assert ids[1] is not None
    assert ids[0][1] != ids[1][1]
    assert f'href="#{ids[0][1]}"' in one
    assert f'clip-path="url(#{ids[0][1]})"' in one


def test_unreferenced_ids_are_dropped() -> None:
    assert "id=" not in page_svg("<svg id='a'><g id='figure_1'/></svg>")


@pytest.mark.parametrize("text", ["<svg>", "no drawing", "<html/>", "<!DOCTYPE svg [<!ENTITY a 'aa'>]><svg>&a;</svg>"])
def test_text_that_is_not_well_formed_svg_gives_an_empty_string(text: str) -> None:
    assert page_svg(text) == ""


def test_plot_style_style_sheet_and_script_use_the_same_colours() -> None:
    assets = resources.files("glassbox.reports") / "assets"
    css, js = ((assets / name).read_text(encoding="utf-8") for name in ("glassbox.css", "glassbox.js"))
    light = css[: css.index("@media")]
    assert all(f"--{name}: {colour}" in light for colour, name in COLOURS.items())
    assert dict(re.findall(r'"(#[0-9a-f]{6})": "([a-z0-9-]+)"', js)) == COLOURS
    assert set(PALETTE) <= set(COLOURS)
