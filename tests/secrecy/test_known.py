"""A known secret is found wherever it stands in a text, and in each form in which it could be written."""

from __future__ import annotations

import base64
import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.secrecy.known import (
    ACCESS_KEY_ID,
    ACCESS_KEY_SECRET,
    SECURITY_TOKEN,
    SHORTEST,
    SIGNATURE,
    Found,
    KnownSecrets,
)

SECRET = "h3J+kd/92_xPq7Zr-LmW"
SIGNED = "q8J/0b+Zr5LmWh3Jxkd92xPq7Z0="
SECRETS = st.text(string.ascii_letters + string.digits + "+/_-=", min_size=SHORTEST, max_size=200).filter(
    lambda secret: len(set(secret)) >= 8
)


@pytest.fixture
def known() -> KnownSecrets:
    return KnownSecrets([(ACCESS_KEY_SECRET, SECRET), (SIGNATURE, SIGNED)])


@given(before=st.text(), secret=SECRETS, after=st.text())
def test_whatever_surrounds_a_secret_it_is_found_and_taken_out(before: str, secret: str, after: str) -> None:
    known = KnownSecrets([(ACCESS_KEY_SECRET, secret)])
    text = before + secret + after
    assert any(place.start <= len(before) < place.end for place in known.find(text))
    assert secret not in known.redact(text)


@given(secrets=st.lists(SECRETS, min_size=1, unique=True), text=st.text())
def test_a_text_without_secrets_stays_as_it_is(secrets: list[str], text: str) -> None:
    known = KnownSecrets([(ACCESS_KEY_SECRET, secret) for secret in secrets])
    if not any(secret in text for secret in secrets):
        assert known.find(text) == []
        assert known.redact(text) == text


def test_a_find_says_where_and_of_which_kind(known: KnownSecrets) -> None:
    assert known.find(f"a {SECRET} b {SIGNED}") == [
        Found(ACCESS_KEY_SECRET, 2, 2 + len(SECRET)),
        Found(SIGNATURE, 5 + len(SECRET), 5 + len(SECRET) + len(SIGNED)),
    ]
    assert known.redact(f"a {SECRET} b {SIGNED}") == "a [access key secret] b [signature]"


@pytest.mark.parametrize("shift", range(3))
def test_a_secret_in_base64_is_found_wherever_a_group_begins(known: KnownSecrets, shift: int) -> None:
    text = base64.b64encode(b"x" * shift + SECRET.encode() + b"xyz").decode()
    assert [place.kind for place in known.find(text)] == [ACCESS_KEY_SECRET]


def test_a_percent_encoded_secret_is_found(known: KnownSecrets) -> None:
    assert known.redact(f"?s={quote(SIGNED, safe='')}&t=1") == "?s=[signature]&t=1"


def test_a_secret_of_which_pytest_shows_both_ends_is_found(known: KnownSecrets) -> None:
    assert known.redact(f"'{SECRET[:8]}...{SECRET[-8:]}'") == "'[access key secret]'"
    assert known.redact(f"'{SECRET[:8]}...another'") == f"'{SECRET[:8]}...another'"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("STS.NT" + "0123456789ab" * 2, ACCESS_KEY_ID),
        ("CAIS" + "aB3_-" * 32, SECURITY_TOKEN),
        ("Signature=" + "0123456789abcdef" * 4, SIGNATURE),
        ("x-oss-signature=" + "0123456789abcdef" * 4, SIGNATURE),
    ],
    # An id is printed, where what it is made of would be taken for a secret.
    ids=["access key id", "token", "signature", "signature in an address"],
)
def test_what_has_the_form_of_a_secret_is_one(text: str, kind: str) -> None:
    assert [place.kind for place in KnownSecrets().find(f"said {text}, and more")] == [kind]


@pytest.mark.parametrize("secret", [None, "", "secret", "0" * 64])
def test_what_nobody_would_take_for_a_secret_is_none(secret: str | None) -> None:
    known = KnownSecrets()
    known.add(ACCESS_KEY_SECRET, secret)
    assert known.all() == []
    assert known.find(f"said {secret}") == []


def test_another_process_can_know_what_is_known(known: KnownSecrets) -> None:
    assert KnownSecrets(known.all()).redact(SECRET) == "[access key secret]"


def test_the_excerpt_of_a_find_shows_neither_it_nor_its_neighbours(known: KnownSecrets) -> None:
    text = "x" * 100 + f"\n{SIGNED} said {SECRET}\n" + "y" * 100
    place = known.find(text)[1]
    shown = known.excerpt(text, place)
    assert shown.endswith("y" * 59)
    assert "[signature] said [access key secret] y" in shown
    assert len(shown) < 150
