"""Two functions, one of which takes what the other fails for, in a cloud that obeys RAM's policies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.localcloud.ram_functions import FUNCTION, Functions, destined, functions
from tests.localcloud.tenancy import ACCOUNT
from tests.policies.documents import VALUES

KEEPER = VALUES["failed_function"]
KEEPER_ARN = FUNCTION.replace("index", KEEPER)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    """Both functions; what the second fails for goes to a topic."""
    keeper = {
        **destined(),
        "functionName": KEEPER,
        "role": f"acs:ram::{ACCOUNT}:role/{VALUES['failed_role']}",
        "triggers": [],
    }
    with functions(tmp_path_factory.mktemp("deployed"), destined(KEEPER_ARN), keeper) as deployed:
        yield deployed
