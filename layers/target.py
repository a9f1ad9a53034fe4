"""What a layer is built for: a runtime of Function Compute, or the interpreter at hand."""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.markers import default_environment


@dataclass(frozen=True)
class Target:
    """An interpreter and a system.

    ``platform`` is uv's name of the system and ``glibc`` its version; both are None for the machine at hand,
    which uv knows. ``markers`` is the environment in which a requirement's markers are evaluated.
    """

    name: str
    version: str
    description: str
    markers: Mapping[str, str] = field(repr=False)
    platform: str | None = None
    glibc: tuple[int, int] | None = None

    @property
    def is_deployed(self) -> bool:
        """Whether Function Compute runs it."""
        return self.platform is not None


@dataclass(frozen=True)
class Host:
    """The interpreter that runs this, and its machine."""

    implementation: str
    version: str
    system: str
    machine: str
    libc: tuple[str, str]
    platform: str

    @classmethod
    def running(cls) -> Host:
        """What this process runs on."""
        return cls(
            implementation=sys.implementation.name,
            version=".".join(map(str, sys.version_info[:2])),
            system=sys.platform,
            machine=platform.machine(),
            libc=platform.libc_ver(),
            platform=sysconfig.get_platform(),
        )


def _runtime(version: str, debian: int, glibc: tuple[int, int]) -> Target:
    major, minor = glibc
    markers = {
        "implementation_name": "cpython",
        # Which patch version Function Compute runs is not documented; uv resolves for the first one.
        "implementation_version": f"{version}.0",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{version}.0",
        "python_version": version,
        "sys_platform": "linux",
    }
    return Target(
        name=f"python{version}",
        version=version,
        description=f"Function Compute's python{version} (Debian {debian}, glibc {major}.{minor}, x86_64)",
        markers=markers,
        # Older than any of the runtimes' glibc, which is known from Debian's releases alone.
        platform="x86_64-manylinux2014",
        glibc=glibc,
    )


# Debian releases: alibabacloud.com/help/en/functioncompute/fc/python; the glibc is Debian's own.
RUNTIMES: Mapping[str, Target] = {
    target.name: target for target in (_runtime("3.12", 11, (2, 31)), _runtime("3.10", 10, (2, 28)))
}


def local_target(host: Host | None = None) -> Target:
    """What runs on this machine: the layer that is deployed where that loads here, else one of its own."""
    host = host or Host.running()
    runtime = RUNTIMES.get(f"python{host.version}")
    if runtime is not None and _loads(runtime, host):
        return runtime
    name = f"python{host.version}"
    return Target(
        # The deployed layer keeps its name: both may be built on the same machine.
        name=name if runtime is None else f"{name}-{host.platform}",
        version=host.version,
        description=f"this machine's Python {host.version} ({host.platform}); not for Function Compute",
        markers={name: str(value) for name, value in default_environment().items()},
    )


def _loads(runtime: Target, host: Host) -> bool:
    family, version = host.libc
    return (
        (host.implementation, host.system, host.machine, family) == ("cpython", "linux", "x86_64", "glibc")
        and runtime.glibc is not None
        and tuple(map(int, version.split(".")[:2])) >= runtime.glibc
    )
