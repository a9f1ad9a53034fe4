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
    KnownSecrets,
)

SECRET = "h3J+kd/92_xPq7Zr-LmW"
SECRETS = st.text(string.ascii_letters + string.digits + "+/_-=", min_size=SHORTEST, max_size=200).filter(
    lambda secret: len(set(secret)) >= 8
)


@given(before=st.text(), secret=SECRETS, after=st.text())
def test_whatever_surrounds_a_secret_it_is_found_and_taken_out(before: str, secret: str, after: str) -> None:
    known = KnownSecrets([(ACCESS_KEY_SECRET, secret)])
    for form in (secret, quote(secret, safe="")):
        text = before + form + after
        assert any(place.start <= len(before) < place.end for place in known.find(text))
        assert secret not in known.redact(text)
        (first, *_) = known.find(text)
        assert secret not in known.excerpt(text, first)


@pytest.mark.parametrize(
    "written",
    [
        *(base64.b64encode(b"x" * shift + SECRET.encode() + b"xyz").decode() for shift in range(3)),
        # As pytest shows the middle of a long text
        f"'{SECRET[:8]}...{SECRET[-8:]}'",
    ],
    ids=["base64", "base64 of one more", "base64 of two more", "abbreviated"],
)
def test_a_secret_is_found_in_base64_and_where_only_both_ends_are_shown(written: str) -> None:
    known = KnownSecrets([(ACCESS_KEY_SECRET, SECRET)])
    assert [place.kind for place in known.find(written)] == [ACCESS_KEY_SECRET]
    assert known.find(f"'{SECRET[:8]}...another'") == []


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
    assert known.find(f"said {secret}") == []
