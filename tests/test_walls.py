"""The walls between rooms, as the architecture page draws them, are those of the code."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| `(?P<room>\w+)` \|.*\| (?P<names>[^|]*) \| (?P<imports>[^|]*) \|$")
WORD = re.compile(r"`(\w+)`")


@cache
def drawn() -> dict[str, set[str]]:
    """Every room of the page's table, and the rooms that it is said to import."""
    return {row["room"]: set(WORD.findall(row["imports"])) for row in _rows()}


def named() -> dict[str, list[str]]:
    """Every room of the page's table, and the names that it says to be the room's."""
    return {row["room"]: WORD.findall(row["names"]) for row in _rows()}


def _rows() -> list[re.Match[str]]:
    page = (ROOT / "docs" / "rooms" / "architecture.md").read_text(encoding="utf-8")
    table = page[page.index("## The rooms") : page.index("## Words")]
    return [row for line in table.splitlines() if (row := ROW.match(line)) is not None]


@cache
def imported() -> dict[str, set[str]]:
    """Every room of the package, and the rooms that its modules import."""
    graph = grimp.build_graph("narrowgate", exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        room = _room(module)
        found[room] |= {_room(other) for other in graph.find_modules_directly_imported_by(module)} - {room}
    return {room: rooms - {""} for room, rooms in found.items() if room and not room.startswith("_")}


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_room_is_on_the_page() -> None:
    assert drawn().keys() == imported().keys()


@pytest.mark.parametrize("room", sorted(drawn()))
def test_a_room_imports_what_the_page_says(room: str) -> None:
    assert imported()[room] == drawn()[room]


@pytest.mark.parametrize("room", sorted(drawn()))
def test_a_room_offers_what_the_page_names(room: str) -> None:
    module = importlib.import_module(f"narrowgate.{room}")
    assert [name for name in named()[room] if not hasattr(module, name)] == []


def test_every_room_is_in_the_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    rooms = {room.strip() for layer in contract["layers"] for room in layer.split("|")}
    assert rooms - {"__main__"} == set(drawn())
