"""How the commands speak: lines, numbers and times, steps, tables of labels and tags."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from cli.process import ESCAPE
from imm_label_tags.text import escape_unprintable

# Of an output that is no terminal: whoever reads it there wants each row on one line.
UNFOLDED = 10_000
INDENT = 11
# Of a terminal: so much of a tag's value is shown, and less in a narrow one.
LONGEST_VALUE, _SHORTEST_VALUE = 36, 12
_GAP = 3


def new_console(*, stderr: bool = False) -> Console:
    """A console that folds nothing where the output is no terminal."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = UNFOLDED
    return console


def say(console: Console, text: str, style: str = "") -> None:
    """Write a line that is not folded; what others have written into it obeys nothing."""
    console.print(Text(escape_unprintable(text), style), soft_wrap=True)


def show_facts(console: Console, facts: Mapping[str, str], width: int) -> None:
    """Write a line for each fact, its name in so many columns."""
    for name, value in facts.items():
        text = Text.assemble((f"  {name:{width}}", "dim"), escape_unprintable(value))
        console.print(text, soft_wrap=True)


def counted(number: int, what: str) -> str:
    """A number of things, such as ``1 record`` and ``2,000 records``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def utc(moment: datetime | None) -> str:
    """A time in UTC as programs read it, in milliseconds; empty where there is none."""
    return "" if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_seconds(moment: datetime) -> str:
    """A time in UTC as persons read it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def print_table(
    console: Console,
    columns: Iterable[str | Column],
    rows: Iterable[Iterable[str | Text]],
    *,
    indent: int = 0,
    gap: int = _GAP,
) -> None:
    """Show rows below the names of their columns; what is too wide for the terminal is folded."""
    shown = [column if isinstance(column, Column) else Column(column, overflow="fold") for column in columns]
    table = Table(*shown, box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    table.show_header = any(column.header for column in shown)
    for row in rows:
        table.add_row(*(_displayable(console, cell) for cell in row))
    console.print(Padding(table, (0, 0, 0, indent), expand=False))


class Narrator:
    """Tells what happens and when, in seconds since the beginning; tables are indented by so many columns."""

    def __init__(self, console: Console, *, indent: int = INDENT) -> None:
        self.console = console
        self._indent = indent
        self._began = time.monotonic()
        self._step = 0

    def step(self, title: str) -> None:
        """Begin a step."""
        self._step += 1
        self.console.print()
        self.console.print(Text.assemble((f"{self._step}. ", "bold cyan"), (title, "bold")))

    def say(self, text: str) -> None:
        """Say what happened just now."""
        self._line(f"{time.monotonic() - self._began:7.2f} s", "dim", text)

    def verified(self, text: str) -> None:
        """Say what was read back and found as it should be."""
        self._line(" verified", "green", text)

    def _line(self, margin: str, style: str, text: str) -> None:
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=INDENT - 2)
        line.add_column(overflow="fold")
        line.add_row(Text(margin, style), _displayable(self.console, text))
        self.console.print(line)

    def table(self, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
        """Show a table."""
        print_table(self.console, columns, rows, indent=self._indent)

    def change(self, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        """Show a tag set before and after."""
        before, after = (
            {escape_unprintable(key): escape_unprintable(value) for key, value in tags.items()}
            for tags in (before, after)
        )
        rows = []
        for key in dict.fromkeys([*before, *after]):
            what = "kept" if before.get(key) == after.get(key) else "changed"
            what = "added" if key not in before else "removed" if key not in after else what
            rows.append((key, before.get(key, ""), after.get(key, ""), what))
        if not rows:
            self.console.print(" " * self._indent + "no tags, before and after")
            return
        columns = ("tag", "before", "after", "")
        longest = self._longest_value([columns, *rows])
        self.table(
            columns, [(key, *_both_shortened(was, is_, longest), what) for key, was, is_, what in rows]
        )

    def _longest_value(self, rows: Sequence[tuple[str, str, str, str]]) -> int:
        """How much of a value a terminal shows so that no row is folded; all of it for any other output."""
        if self.console.width >= UNFOLDED:
            return UNFOLDED
        keys, before, after, words = (max(map(cell_len, column)) for column in zip(*rows, strict=True))
        room = self.console.width - self._indent - keys - words - 3 * _GAP
        # A narrow column leaves its room to the other.
        return min(max(room // 2, room - min(before, after), _SHORTEST_VALUE), LONGEST_VALUE)


def _displayable(console: Console, text: str | Text) -> Text:
    """Text as the output can show it, so that what is escaped has its place in a table."""
    if isinstance(text, Text):
        return text
    return Text(text.encode(console.encoding, ESCAPE).decode(console.encoding))


def shortened(value: str, longest: int) -> str:
    """So many columns of a value, the last of them a mark where it goes on."""
    return value if cell_len(value) <= longest else set_cell_size(value, longest - 1).rstrip() + "…"


def _both_shortened(before: str, after: str, longest: int) -> tuple[str, str]:
    """Two values, by their ends where only these tell one from the other."""
    short = shortened(before, longest), shortened(after, longest)
    if before == after or short[0] != short[1]:
        return short
    return shortened(before[::-1], longest)[::-1], shortened(after[::-1], longest)[::-1]
