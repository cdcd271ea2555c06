"""Choosing runs: dotted keys, conditions on them, and order."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from narrowgate.notebook._errors import NotebookError

Row = Mapping[str, Any]
"""A run as one flat table: dotted key → number, word, list or None."""

_CONDITION = re.compile(r"\s*([^<>=!]+?)\s*(>=|<=|!=|=|>|<)\s*(.*?)\s*")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "!=": ne, ">": gt, "<": lt, ">=": ge, "<=": le}


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Make one table of nested ones: `{"a": {"b": 1}}` becomes `{"a.b": 1}`; lists stay as they are."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def choose(rows: Sequence[Row], conditions: Iterable[str]) -> list[Row]:
    """The rows that meet every condition, in their order.

    A condition is `key=value`, `key!=value`, `key>value`, `key>=value`, `key<value`, `key<=value`, or words that some
    value of the row contains. A key is a dotted one, or its end where only one key ends so (`conv` for
    `precision.conv`). Numbers compare as numbers; words without regard to case, spaces, brackets and quotes, so that
    `conv=12,2` finds `(12,2)`. A row that lacks the key meets only `!=`.

    Raises:
        NotebookError: no row has the key, several keys are meant, or words are to be ordered.
    """
    chosen = list(rows)
    for condition in conditions:
        test = _test(condition, rows)
        chosen = [row for row in chosen if test(row)]
    return chosen


def keys_of(conditions: Iterable[str]) -> list[str]:
    """The keys that conditions name, as they were written."""
    return [match[1] for condition in conditions if (match := _CONDITION.fullmatch(condition))]


def arrange(rows: Sequence[Row], key: str, *, descending: bool = False) -> list[Row]:
    """The rows in order of a key (see `choose` for keys); rows that lack it come last either way.

    Raises:
        NotebookError: no row has the key, or several keys are meant.
    """
    full = resolve(key, rows)
    present = [row for row in rows if row.get(full) is not None]
    absent = [row for row in rows if row.get(full) is None]
    return sorted(present, key=lambda row: _sorting(row[full]), reverse=descending) + absent


def resolve(key: str, rows: Sequence[Row]) -> str:
    """The full dotted key that `key` stands for among the keys of `rows`.

    Raises:
        NotebookError: none or several.
    """
    known = list(dict.fromkeys(name for row in rows for name in row))
    if key in known or not rows:
        return key
    found = [name for name in known if name.endswith(f".{key}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotebookError(f"'{key}' may mean {', '.join(found)}; write the one you mean")
    near = get_close_matches(key, [*known, *(name.rpartition(".")[2] for name in known)], n=3)
    hint = f"; did you mean {' or '.join(dict.fromkeys(near))}?" if near else f"; there are {', '.join(known)}"
    raise NotebookError(f"no run has '{key}'{hint}")


def _test(condition: str, rows: Sequence[Row]) -> Callable[[Row], bool]:
    match = _CONDITION.fullmatch(condition)
    if match is None:
        words = _bare(condition)
        return lambda row: any(words in _bare(value) for value in row.values() if value is not None)
    key, sign, wanted = resolve(match[1], rows), match[2], match[3]
    compare = _COMPARE[sign]

    def test(row: Row) -> bool:
        found = row.get(key)
        if found is None:
            return sign == "!="
        numbers = _number(found), _number(wanted)
        if None not in numbers:
            return compare(*numbers)
        if sign not in ("=", "!="):
            raise NotebookError(
                f"'{condition}': {key} is '{found}', and {sign} compares numbers; = and != compare words"
            )
        return compare(_bare(found), _bare(wanted))

    return test


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _bare(value: Any) -> str:
    return re.sub(r"[\s()\[\]'\"]", "", str(value)).casefold()


def _sorting(value: Any) -> tuple[int, float, str]:
    number = _number(value)
    return (1, 0.0, _bare(value)) if number is None else (0, number, "")
