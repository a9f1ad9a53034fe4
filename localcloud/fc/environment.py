"""The environment variables of an instance, built from nothing, and the Python that it runs in."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from localcloud.accounts import Identity
from localcloud.fc.declaration import FunctionDeclaration

# The interpreter that runs the local cloud, outside of its virtual environment.
OWN_INTERPRETER = Path(getattr(sys, "_base_executable", sys.executable))


def instance_variables(
    declaration: FunctionDeclaration,
    *,
    account_id: str,
    instance_id: str,
    keys: Identity | None,
    home: Path,
    overrides: Mapping[str, str],
) -> dict[str, str]:
    """Every environment variable of an instance; none comes from the environment of the local cloud.

    The names are those of the help page functioncompute/fc/environment-variables. FC_CUSTOM_LISTEN_PORT
    stands there too, but the Python runtime removes it at its start. ``overrides`` win over the
    function's own variables, the system's over both.
    """
    library_path = [declaration.code, declaration.code / "lib"]
    if declaration.opt is not None:
        library_path.append(declaration.opt / "lib")
    variables = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        # Function Compute's instances run in UTC.
        "TZ": "UTC",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LD_LIBRARY_PATH": ":".join(str(path) for path in library_path),
        "PYTHONIOENCODING": "utf-8:surrogateescape",
    }
    variables.update(declaration.environment)
    variables.update(overrides)
    variables.update(
        {
            "FC_FUNC_CODE_PATH": str(declaration.code),
            "FC_ACCOUNT_ID": account_id,
            "FC_FUNCTION_HANDLER": declaration.handler,
            "FC_FUNCTION_MEMORY_SIZE": str(declaration.memory_size),
            "FC_FUNCTION_NAME": declaration.name,
            "FC_REGION": declaration.region,
            "FC_INSTANCE_ID": instance_id,
            # Debian 10 and older know the version by the first name, Debian 11 and newer by the second.
            "FC_VER_ID" if declaration.runtime == "python3.10" else "FC_FUNCTION_VERSION": "",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": keys.access_key_id if keys else "",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": keys.access_key_secret if keys else "",
            "ALIBABA_CLOUD_SECURITY_TOKEN": (keys.security_token or "") if keys else "",
        }
    )
    return variables
