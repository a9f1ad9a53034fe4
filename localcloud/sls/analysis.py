"""The analytic part of a query: SQL over the logs that the search has found.

SQLite carries it out, with the indexed fields as columns. Log Service's SQL has more functions; what SQLite
does not know is refused. A field that is not indexed, or only to be searched, is no column in either.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping

from localcloud.sls.index import Index, ParameterInvalid

ROWS = 100
_AFTER_FROM = re.compile(r"\b(where|group\s+by|having|order\s+by|limit)\b", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]*)"')
_ALIAS = re.compile(r'\bas\s+"?([A-Za-z_]\w*)', re.IGNORECASE)
_AFFINITY = {"text": "TEXT", "long": "INTEGER", "double": "REAL"}
_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION)


def analyse(sql: str, index: Index, logs: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """The rows of a statement, texts all of them; raises ParameterInvalid."""
    columns = {name: column for name, column in index.columns.items() if column.counted}
    known = {*columns, "__time__", "log", *_ALIAS.findall(sql)}
    # SQLite takes a name in quotation marks that it does not know for a text.
    for name in _QUOTED.findall(sql):
        if name not in known:
            raise ParameterInvalid(f"Column '{name}' cannot be resolved; please add the column in the index")
    connection = sqlite3.connect(":memory:")
    try:
        names = ['"__time__" INTEGER', *(f'"{name}" {_AFFINITY[c.type]}' for name, c in columns.items())]
        connection.execute(f"CREATE TABLE log ({', '.join(names)})")
        for log in logs:
            documents = index.documents(log)
            values = [column.value(log, documents) for column in columns.values()]
            cut = [None if value is None else value[: index.longest_text] for value in values]
            connection.execute(
                f"INSERT INTO log VALUES ({', '.join('?' * len(names))})", [int(log["__time__"]), *cut]
            )
        connection.set_authorizer(lambda what, *_: int(what not in _ALLOWED))
        cursor = connection.execute(_with_source(sql))
        titles = [title for title, *_ in cursor.description]
        rows = cursor.fetchmany(ROWS if not re.search(r"\blimit\b", sql, re.IGNORECASE) else 1_000_000)
        return [
            {name: "null" if value is None else str(value) for name, value in zip(titles, row, strict=True)}
            for row in rows
        ]
    except sqlite3.Error as error:
        raise ParameterInvalid(f"the analytic statement cannot be carried out: {error}") from None
    finally:
        connection.close()


def _with_source(sql: str) -> str:
    """``from log`` may be left out."""
    if re.search(r"\bfrom\b", sql, re.IGNORECASE):
        return sql
    match = _AFTER_FROM.search(sql)
    at = match.start() if match else len(sql)
    return f"{sql[:at]} FROM log {sql[at:]}"
