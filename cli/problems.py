"""What can keep a command from doing its work, in one sentence each, with exit status 2."""

from __future__ import annotations

import click


class Problem(click.ClickException):
    """A command cannot go on; the message says why and what to do."""

    exit_code = 2
