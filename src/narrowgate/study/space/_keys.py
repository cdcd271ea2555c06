"""Dotted keys of a configuration, as in `precision.conv` or `network.filters.0`: looked up, set, and made canonical."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from narrowgate.network import Configuration
from narrowgate.study._errors import StudyError

Table = dict[str, Any]

OURS = ("name", "training.seed", "training.epochs", "training.steps_per_epoch", "training.validation_events")
"""What the study decides itself: seeds and budgets are its business."""


def known_keys(table: Mapping[str, Any]) -> list[str]:
    """The keys that a study may fix or search; an entry of a list has its number, as in `network.filters.0`."""
    keys = []
    for key in Configuration.parse(table).setting_names():
        value = look_up(table, key)
        keys += [key, *(f"{key}.{index}" for index in range(len(value) if isinstance(value, list) else 0))]
    return [key for key in keys if key not in OURS]


def look_up(table: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key; `None` where a configuration says nothing, as of a layer's own formats."""
    found: Any = table
    for part in key.split("."):
        found = found[int(part)] if isinstance(found, list) else found.get(part, {})
    return None if found == {} else found


def fixed_keys(fixed: Mapping[str, Any]) -> list[str]:
    """The dotted keys that a table sets, tables within tables included."""
    keys = []
    for name, value in fixed.items():
        keys += [f"{name}.{key}" for key in fixed_keys(value)] if isinstance(value, Mapping) else [name]
    return keys


def with_value(table: Mapping[str, Any], key: str, value: Any) -> Table:
    """A copy of `table` with the value at a dotted key replaced.

    When the number of convolutions changes, kernels and pools that are the same everywhere follow it.
    """
    copy = deepcopy(dict(table))
    *parents, last = key.split(".")
    target: Any = copy
    for part in parents:
        target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
    target[int(last) if isinstance(target, list) else last] = value
    if key == "network.filters" and isinstance(value, list):
        for name in ("kernels", "pools"):
            sizes = copy["network"][name]
            if len(set(sizes)) == 1:
                copy["network"][name] = sizes[:1] * len(value)
    return copy


def canonical(table: Mapping[str, Any], key: str, value: Any, where: str) -> Any:
    """`value` as a configuration spells it: `[8, 4]` and `"8,4"` become `"(8,4)"` where a format is meant.

    Raises:
        StudyError: the configuration does not allow this value there.
    """
    try:
        return look_up(Configuration.parse(with_value(table, key, value), where=where).as_table(), key)
    except ValueError as error:
        raise StudyError(str(error)) from None


def check_key(table: Mapping[str, Any], key: str, where: str) -> None:
    """Refuse a key that no configuration has, or that the study decides itself."""
    if key in OURS:
        raise StudyError(
            f"{where}: {key!r} is decided by the study itself (seeds in [ranking] and [finalists], budgets in "
            f"[strategy]); leave it out."
        )
    if key not in known_keys(table):
        raise StudyError(
            f"{where}: there is no setting {key!r} in a configuration; allowed are {', '.join(known_keys(table))}."
        )
