r"""Rows as lines of our text files: every value quoted, NULL as a bare ``\N`` (see `connectors.providers.feed`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from connectors import protect
from connectors.providers.sql.dialect import Reading

NULL = "\\N"


def quoted(text: str | None) -> str:
    """Return a value as it stands in a line."""
    return NULL if text is None else '"' + text.replace('"', '""') + '"'


def header(names: Iterable[str]) -> bytes:
    """Return the first line of a file."""
    return (",".join(quoted(name) for name in names) + "\n").encode()


def lines_of(rows: Iterable[Sequence[str | None]]) -> Iterator[bytes]:
    """Give a line per row of texts. May raise `UnicodeEncodeError` for text that is none."""
    for row in rows:
        try:
            line = '","'.join(row)  # type: ignore[arg-type] # where one is None, the slower way is taken
        except TypeError:
            yield (",".join(map(quoted, row)) + "\n").encode()
            continue
        if line.count('"') == 2 * len(row) - 2:
            yield f'"{line}"\n'.encode()
        else:
            yield (",".join(map(quoted, row)) + "\n").encode()


def hidden_in(rows: Iterable[Sequence[str | None]], reading: Reading) -> Iterable[Sequence[str | None]]:
    """Give the rows with the values of protected columns hidden."""
    if not reading.hidden:
        return rows
    hows = [reading.hidden.get(column.name) for column in reading.columns]
    key = reading.protection_key
    return (
        [protect.protected(text, how, key) if how else text for text, how in zip(row, hows, strict=True)]
        for row in rows
    )
