"""What the layer has for the function from a package's data: certificates one by one, and pronunciations.

Reading certifi's whole bundle takes 15 to 20 ms of CPU time at each cold start; from a directory in which
each authority is found by the hash of its name, OpenSSL reads the one certificate that a chain ends in
(docs.openssl.org, SSL_CTX_load_verify_locations, "CApath"). Why pypinyin's data is a table is said in
``layers.pronunciations``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from OpenSSL.crypto import FILETYPE_PEM, Error, load_certificate

from imm_label_tags.tags import pronunciation
from layers import pronunciations
from layers.distributions import DATA, Distribution, is_licence
from layers.errors import DataUnusable

# The function looks for the directory beside the bundle.
_BUNDLE = "certifi/cacert.pem"
_CERTIFICATES = "certifi/cacert.d"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)

FORMAT = Path(pronunciation.__file__)
_TABLE = pronunciation.PLACE.as_posix()
_NOTICE = f"{DATA}/NOTICE"
_NOTICE_TEXT = """\
pronunciations.bin is made from the data of {name} {version} (licence: {licence}, in licenses/{name}), which
comes from the projects pinyin-data and phrase-pinyin-data:

    https://github.com/mozillazg/python-pinyin
    https://github.com/mozillazg/pinyin-data
    https://github.com/mozillazg/phrase-pinyin-data
"""


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


def _add_certificates(directory: Path, source: Distribution) -> frozenset[str]:
    try:
        names = split_bundle(directory / _BUNDLE, directory / _CERTIFICATES)
    except (OSError, Error) as error:
        raise DataUnusable("certificates of certifi", str(error)) from None
    if not names:
        raise DataUnusable("certificates of certifi", "There are none; it would trust no service.")
    return frozenset(f"{_CERTIFICATES}/{name}" for name in names)


def _add_pronunciations(directory: Path, source: Distribution) -> frozenset[str]:
    finished = subprocess.run(
        # Without site: it is the directory's pypinyin that counts, not one of this machine.
        [sys.executable, "-S", "-s", "-B", "-W", "ignore", pronunciations.__file__, directory],
        # pypinyin has variables that change its data.
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PY")},
            "PYTHONPATH": str(FORMAT.parents[2]),
        },
        capture_output=True,
        check=False,
    )
    if finished.returncode != 0:
        raise DataUnusable("table of pronunciations", finished.stderr.decode("utf-8", "replace").strip())
    licences = f"{DATA}/licenses/{source.name}"
    (directory / licences).mkdir(parents=True)
    (directory / _TABLE).write_bytes(finished.stdout)
    notice = _NOTICE_TEXT.format(name=source.name, version=source.version, licence=source.licence)
    (directory / _NOTICE).write_text(notice, "utf-8")
    added = {_TABLE, _NOTICE}
    for path in filter(is_licence, map(PurePosixPath, source.installed)):
        added.add(f"{licences}/{path.name}")
        shutil.copyfile(directory / path, directory / licences / path.name)
    return frozenset(added)


_MAKERS: Mapping[str, Callable[[Path, Distribution], frozenset[str]]] = {
    "pypinyin": _add_pronunciations,
    "certifi": _add_certificates,
}


def with_derived(directory: Path, package: Distribution) -> Distribution:
    """Make what the function needs of a package's data, if anything; returns it with the new files.

    Raises DataUnusable.
    """
    make = _MAKERS.get(package.name)
    return package if make is None else replace(package, made=make(directory, package))
