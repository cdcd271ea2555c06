"""Mutations of the small files that narrowgate reads back: of their bytes, and of what their fields hold."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 1e300, -1e-300, 0.5, True, False)
WORDS = ("", "a", "1", "nan", "\0", "\ud800", "φ" * 300, "../../..", "/dev/zero", "\x1b[2J", "running", "finished")
TIMES = ("9999-12-31T23:59:59+23:59", "2022-07-18--15-75-00")
NESTED: tuple[Any, ...] = (None, [], {}, [[]], [None], {"a": {"b": []}}, [1, "a"], {"": None})
ODD = (*NUMBERS, *WORDS, *TIMES, *NESTED)
SIGNS = (b"\xff", b"\0", b"-", b"\n", b'"', b",", b"}", b"]", b"[", b"{", b"=", b"#", b"'''", b"\\", b"\r")
LONG = (b"9" * 5000, b"1" * 30, b"[" * 10_000, b'{"a":' * 5000)
ELEMENTS = (b"null", b"NaN", b"Infinity", b"1e999", b'"\\ud800"', b"\xed\xa0\x80", b"[a.b.c]\n", b"1979-05-27")
NOTES = (b"- **2022-07-18 15:75:12+02:00** x\n", b"- **9999-99-99 99:99:99+99:99** x\n")
PIECES = (*SIGNS, *LONG, *ELEMENTS, *NOTES)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """The content of a file with one to four changes, of its fields where it is JSON, and of its bytes."""
    if draw.random() < 0.6:
        try:
            value = json.loads(content)
        except ValueError:
            return _bytes(content, draw)
        for _ in range(draw.choice((1, 1, 1, 2, 4))):
            value = _field(value, draw)
        return json.dumps(value).encode()
    return _bytes(content, draw)


def _bytes(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4))):
        start = draw.randrange(len(changed) + 1)
        stop = min(len(changed), start + draw.choice((0, 1, 1, 4, 40)))
        piece = draw.choice(PIECES) if draw.random() < 0.6 else draw.randbytes(draw.choice((0, 1, 8)))
        if draw.random() < 0.1:
            del changed[start:]
        else:
            changed[start:stop] = piece
    return bytes(changed)


def _field(value: Any, draw: random.Random) -> Any:
    """`value` with one of its fields replaced, removed, doubled, or wrapped."""
    try:
        value = copy.deepcopy(value)
    except RecursionError:  # an earlier change has nested it as deep as Python copies
        return draw.choice(ODD)
    places = list(_places(value))
    if not places:
        return draw.choice(ODD)
    holder, key = draw.choice(places)
    what = draw.random()
    if what < 0.65:
        holder[key] = copy.deepcopy(draw.choice(ODD))
    elif what < 0.75:
        del holder[key]
    elif what < 0.85:
        for _ in range(draw.choice((1, 20, 300))):
            holder[key] = [holder[key]] if draw.random() < 0.5 else {"a": holder[key]}
    elif isinstance(holder, list):
        holder.extend([holder[key]] * draw.choice((1, 5000)))
    else:
        holder[draw.choice(("", "a.b", "version", "\ud800", "name"))] = holder[key]
    return value


def _places(value: Any) -> Any:
    """Every field, as its table or list and its key there; of long lists only some."""
    keys = value.keys() if isinstance(value, dict) else range(min(len(value), 6)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])
