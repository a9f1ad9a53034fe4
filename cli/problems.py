"""What can keep a command from doing its work, in one sentence each, with exit status 2."""

from __future__ import annotations

import click

# sysexits.h: a temporary failure, the user may try again.
EXIT_RETRYABLE = 75


class Problem(click.ClickException):
    """A command cannot go on; the message says why and what to do."""

    exit_code = 2
