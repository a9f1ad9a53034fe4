"""Puts the table of pronunciations into a layer, with the licence of the data that it is made from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath

from imm_label_tags.tags import pronunciation
from layers import pronunciations
from layers.contents import DATA, is_licence
from layers.distributions import Distribution
from layers.errors import PronunciationsFailed

SOURCE = "pypinyin"
FORMAT = Path(pronunciation.__file__)
PLACE = pronunciation.PLACE.as_posix()
_LICENCES = f"{DATA}/licenses/{SOURCE}"
_NOTICE = f"{DATA}/NOTICE"
_NOTICE_TEXT = """\
pronunciations.bin is made from the data of {name} {version} (licence: {licence}, in licenses/{name}), which
comes from the projects pinyin-data and phrase-pinyin-data:

    https://github.com/mozillazg/python-pinyin
    https://github.com/mozillazg/pinyin-data
    https://github.com/mozillazg/phrase-pinyin-data
"""


def add_pronunciations(directory: Path, source: Distribution) -> Distribution:
    """Make the table from the pypinyin that is installed in a directory; returns it with the new files.

    Raises PronunciationsFailed.
    """
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
        raise PronunciationsFailed(finished.stderr.decode("utf-8", "replace"))
    (directory / _LICENCES).mkdir(parents=True)
    (directory / PLACE).write_bytes(finished.stdout)
    notice = _NOTICE_TEXT.format(name=source.name, version=source.version, licence=source.licence)
    (directory / _NOTICE).write_text(notice, "utf-8")
    added = {PLACE, _NOTICE}
    for path in sorted(map(PurePosixPath, source.files)):
        if is_licence(path):
            copy = f"{_LICENCES}/{path.name}"
            shutil.copyfile(directory / path, directory / copy)
            added.add(copy)
    return replace(source, made=frozenset(added))
