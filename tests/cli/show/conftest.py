"""A browser for all tests that look at pages, and what there is to look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.show.chromium import Chromium, Page, find_chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Chromium, for all tests of this process; where there is none, the tests are left out and say so."""
    program = find_chromium()
    if program is None:
        pytest.skip("There is no Chromium on this machine: on Debian and Ubuntu, apt-get install chromium.")
    with Chromium(program, tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture
def page(browser: Chromium) -> Iterator[Page]:
    """A tab in English, 1280 pixels wide, of which nothing may complain in the end."""
    with browser.page() as page:
        yield page
        assert page.complaints == []


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where pictures go: a directory that SCREENSHOTS names, to look at them, or one of the test's own."""
    directory = Path(os.environ.get("SCREENSHOTS", tmp_path))
    directory.mkdir(parents=True, exist_ok=True)
    return directory
