"""The frame of every page: templates, Content-Security-Policy and shared assets."""

from functools import cache
from importlib import resources
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader

from glassbox.findings import html
from glassbox.reports import verdicts

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src 'self' data:"
# The hash is that of an empty style element, which Plotly fills through the object model; the policy allows nothing inline.
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
POLICY = f"{_NOTHING}; style-src 'self'"
POLICY_WITH_PLOTLY = f"{_NOTHING}; style-src 'self' {_EMPTY_STYLE}; script-src 'self'"

JINJA_OPTIONS = {
    **html.JINJA_OPTIONS,
    "loader": ChoiceLoader([PackageLoader("glassbox.reports"), PackageLoader("glassbox.findings")]),
}
TEMPLATE_GLOBALS = {
    **html.TEMPLATE_GLOBALS,
    "policy": POLICY,
    "policy_with_plotly": POLICY_WITH_PLOTLY,
    "bound_words": verdicts.bound_words,
    "value_words": verdicts.value_words,
    "interval_words": verdicts.interval_words,
    "scale": verdicts.scale,
}


@cache
def _environment() -> Environment:
    environment = Environment(**JINJA_OPTIONS)  # noqa: S701 - autoescape is among the options
    environment.globals.update(TEMPLATE_GLOBALS)
    return environment


def render(template: str, *, plotly: bool = False, **values: Any) -> str:
    """Render a page; with `plotly`, it loads the two scripts that draw interactive figures."""
    return _environment().get_template(template).render(plotly=plotly, **values)


def page_assets(*, plotly: bool = True) -> dict[str, bytes]:
    """Return the files that pages load by name: style sheet and icon, and with `plotly` the two scripts."""
    assets = resources.files("glassbox.reports") / "assets"
    paths = {name: assets / name for name in ("glassbox.css", "icon.svg")}
    if plotly:
        paths["glassbox.js"] = assets / "glassbox.js"
        paths["plotly.min.js"] = resources.files("plotly") / "package_data" / "plotly.min.js"
    return {name: path.read_bytes() for name, path in paths.items()}
