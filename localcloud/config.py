"""What can be chosen about a local cloud before it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from localcloud.fc.declaration import Deployment


@dataclass(frozen=True)
class Ports:
    """The TCP port of each service; 0 lets the system choose a free one."""

    oss: int = 0
    imm: int = 0
    mns: int = 0
    fc: int = 0
    control: int = 0
    ram: int = 0
    sls: int = 0

    @classmethod
    def consecutive(cls, first: int) -> Ports:
        """Ports in a row: OSS, IMM, MNS, FC, control, RAM (and STS), one that is left free, SLS."""
        oss, imm, mns, fc, control, ram = range(first, first + 6)
        return cls(oss, imm, mns, fc, control, ram, first + 7)


@dataclass(frozen=True)
class CloudConfig:
    """Everything about a local cloud that its owner decides.

    ``time_scale`` multiplies every waiting time that the real services impose (MNS and FC retries,
    idle instances), never a time that a user measures (the duration of a task, a function's timeout).
    ``directory`` keeps the state (SQLite and files); without it the state ends with the process.
    ``deployment`` is the functions that are run; without one there are none.
    ``accept_unicode_tags`` lets OSS take tags outside its documented alphabet, as the real one may.
    ``instance_limit`` is how many instances of each function there may be at the same time.
    ``delivery_spread_seconds`` is how late MNS may deliver: messages overtake each other within that time.
    ``policies`` makes the services obey RAM's policies; without it everybody with keys may do everything.
    """

    region: str = "cn-hangzhou"
    account_id: str = "1234567890123456"
    access_key_id: str = "LTAIlocalcloud"
    access_key_secret: str = "not-a-secret-outside-this-machine"
    host: str = "127.0.0.1"
    ports: Ports = field(default_factory=Ports)
    directory: Path | None = None
    deployment: Deployment | None = None
    interpreter: Path | None = None
    layer: Path | None = None
    accept_unicode_tags: bool = False
    policies: bool = False
    time_scale: float = 1.0
    task_seconds: float = 1.0
    instance_limit: int = 10
    delivery_spread_seconds: float = 0.01
