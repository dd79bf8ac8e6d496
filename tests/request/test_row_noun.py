"""`data.row`: the noun for a row, and its plural."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fabricated_run import request
from glassbox.findings.wording import plural, singular
from glassbox.request.model import Data
from glassbox.runtime.field_tracking import track_reads


def test_the_default_noun_is_row() -> None:
    assert Data(path="x.csv").row == "row"
    assert plural(Data(path="x.csv").row) == "rows"


@pytest.mark.parametrize("noun", ["customer", "phone call", "e-mail", "person/people", "Kunde/Kunden", "x" * 40, "box 2"])
def test_plain_nouns_are_accepted(noun: str) -> None:
    assert Data(path="x.csv", row=noun).row == noun


@pytest.mark.parametrize(
    "noun",
    ["", " ", " customer", "a  b", "<b>", "a/b/c", "/people", "person/", "x" * 41, "row\n", "a_b", "customer's", "{{ x }}"],
)
def test_invalid_nouns_are_rejected(noun: str) -> None:
    with pytest.raises(ValidationError, match="expected a singular noun of at most 40 letters"):
        Data(path="x.csv", row=noun)


@given(st.from_regex(r"[a-z]{1,12}( [a-z]{1,12})?", fullmatch=True, alphabet=string.ascii_lowercase + " "))
def test_an_irregular_plural_follows_a_slash(noun: str) -> None:
    assert plural(noun) != noun
    assert singular(noun) == noun
    assert plural(f"{noun}/geese") == "geese"
    assert singular(f"{noun}/geese") == noun


def test_reading_the_noun_is_recorded_for_the_stage_key() -> None:
    tracked, reads = track_reads(request())
    assert plural(tracked.data.row) == "customers"
    assert reads == {"data.row": "customer"}
