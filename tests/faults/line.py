"""The function's connections to IMM and OSS, laid through relays."""

from __future__ import annotations

from types import TracebackType

from tests.faults.certificates import Certificates
from tests.faults.relay import Relay
from tests.stage import Stage


class Line:
    """One relay to each service; the function of the stage is told their addresses."""

    def __init__(self, stage: Stage, certificates: Certificates | None = None) -> None:
        endpoints = stage.cloud.endpoints
        contexts = (certificates.trusted, certificates.untrusted) if certificates else (None, None)
        self._stage = stage
        self.imm = Relay(stage.cloud, endpoints.imm, *contexts)
        self.oss = Relay(stage.cloud, endpoints.oss, *contexts)

    def __enter__(self) -> Line:
        self.imm.__enter__()
        self.oss.__enter__()
        self._stage.set(IMM_ENDPOINT=self.imm.endpoint, OSS_ENDPOINT=self.oss.endpoint)
        self._stage.new_instance()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.imm.__exit__(kind, error, traceback)
        self.oss.__exit__(kind, error, traceback)

    def restore(self) -> None:
        """Let everything work again."""
        self.imm.restore()
        self.oss.restore()
