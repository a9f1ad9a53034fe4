"""Which RAM permissions each action of IMM needs.

Source: alibabacloud.com/help, API reference of IMM, "RAM authorization" of each action.
"""

from __future__ import annotations

from localcloud.accounts import Identity
from localcloud.imm.parameters import ImmParameters
from localcloud.imm.projects import DEFAULT_SETTINGS
from localcloud.imm.refusals import NoPermission
from localcloud.ram.authorization import AccessRefused, Authorization
from localcloud.ram.conditions import SERVICE, Context

# IMM's name where a role says whom it trusts, and where a policy says to whom a role may be passed.
IMM_SERVICE = "imm.aliyuncs.com"
# Their callers name no project, or one that does not exist yet.
_ABOUT_ALL_PROJECTS = frozenset({"CreateProject", "ListProjects"})


class Permissions:
    """Asks RAM about IMM's actions; without an authorization everybody may do all."""

    def __init__(self, region: str, account_id: str, authorization: Authorization | None) -> None:
        self._projects = f"acs:imm:{region}:{account_id}:project/"
        self._roles = f"acs:ram:*:{account_id}:role/"
        self._authorization = authorization

    def check(self, identity: Identity, action: str, parameters: ImmParameters, context: Context) -> None:
        """Raise NoPermission unless the caller may carry out an action, MissingParameter without a project.

        Whoever makes a project passes a role to IMM: AliyunIMMFullAccess has ram:PassRole for that.
        """
        if self._authorization is None:
            return
        project = "*" if action in _ABOUT_ALL_PROJECTS else parameters.text("ProjectName")
        needs = [(f"imm:{action}", self._projects + project, context)]
        if action == "CreateProject":
            role = parameters.optional("ServiceRole") or DEFAULT_SETTINGS["ServiceRole"]
            needs.append(("ram:PassRole", self._roles + role, {**context, SERVICE: IMM_SERVICE}))
        for need in needs:
            try:
                self._authorization.check(identity, *need)
            except AccessRefused as refused:
                raise NoPermission(refused.action, refused.resource, refused.detail) from None
