"""Splits certifi's bundle into a directory in which OpenSSL finds an authority by the hash of its name.

Reading the whole bundle takes 15 to 20 ms of CPU time at each cold start; from the directory, OpenSSL reads
the one certificate that a chain ends in. docs.openssl.org, SSL_CTX_load_verify_locations ("CApath").
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from OpenSSL.crypto import FILETYPE_PEM, Error, load_certificate

from layers.distributions import Distribution
from layers.errors import CertificatesUnreadable

SOURCE = "certifi"
# The function looks for the directory beside the bundle.
BUNDLE = "certifi/cacert.pem"
PLACE = "certifi/cacert.d"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)


def add_certificates(directory: Path, source: Distribution) -> Distribution:
    """Split the bundle of the certifi that is installed in a directory; returns it with the new files.

    Raises CertificatesUnreadable.
    """
    try:
        names = split_bundle(directory / BUNDLE, directory / PLACE)
    except (OSError, Error) as error:
        raise CertificatesUnreadable(str(error)) from None
    if not names:
        raise CertificatesUnreadable("there are none")
    return replace(source, made=frozenset(f"{PLACE}/{name}" for name in names))


def split_bundle(bundle: Path, place: Path) -> tuple[str, ...]:
    """Write each certificate of a bundle into a file of its own, under the name that OpenSSL looks for."""
    place.mkdir()
    numbers: Counter[str] = Counter()
    names = []
    for certificate in _CERTIFICATE.findall(bundle.read_bytes()):
        subject = f"{load_certificate(FILETYPE_PEM, certificate).subject_name_hash():08x}"
        names.append(f"{subject}.{numbers[subject]}")
        numbers[subject] += 1
        (place / names[-1]).write_bytes(certificate)
    return tuple(names)
