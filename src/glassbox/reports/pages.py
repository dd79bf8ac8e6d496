"""What every page has: its frame, its Content-Security-Policy, its map of stages."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from glassbox.findings import html, wording
from glassbox.reports import verdicts

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src 'self' data:"
# The hash is that of an empty style element, which Plotly fills through the object model: nothing inline is let in.
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
POLICY = f"{_NOTHING}; style-src 'self'"
POLICY_WITH_PLOTLY = f"{_NOTHING}; style-src 'self' {_EMPTY_STYLE}; script-src 'self'"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("glassbox.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(
        mark=html.mark,
        cell_link=html.cell_link,
        metric_label=wording.metric_label,
        bound_words=verdicts.bound_words,
        value_words=verdicts.value_words,
        interval_words=verdicts.interval_words,
        scale=verdicts.scale,
    )
    return environment


def render(template: str, *, plotly: bool = False, **words: Any) -> str:
    """A page from its template; with `plotly`, it loads the two scripts that draw figures to hover over."""
    policy = POLICY_WITH_PLOTLY if plotly else POLICY
    return _environment().get_template(template).render(policy=policy, plotly=plotly, **words)
