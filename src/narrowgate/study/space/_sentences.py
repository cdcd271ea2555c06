"""Validation errors of a study file as sentences: file, key, what was found, what is allowed."""

from __future__ import annotations

import types
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError


def sentences(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """One sentence a mistake, one a line."""
    found: dict[str, str] = {}
    every = error.errors()
    for item in every:
        key = ".".join(str(part) for part in item["loc"] if not _is_type_name(part))
        if item["type"] == "too_short" and any(_is_within(other["loc"], item["loc"]) for other in every):
            continue  # its only entry was refused, which has its own sentence
        if item["type"] == "extra_forbidden":
            allowed = _keys_beside(model, item["loc"])
            line = f"{where}: {key}: there is no such key; allowed are {', '.join(allowed)}."
        elif item["type"] == "missing":
            line = f"{where}: {key}: this is missing; every study needs it."
        elif item["type"] == "too_short":
            line = f"{where}: {key}: give at least one (found {item['input']!r})."
        elif item["type"] == "value_error":
            line = f"{where}: {key}: {item['msg'].removeprefix('Value error, ')}."
        else:
            line = f"{where}: {key}: {item['msg']} (found {item['input']!r})."
        found[key] = line  # of the members of a union, the last and widest speaks
    return "\n".join(found.values())


def _is_within(path: tuple[int | str, ...], other: tuple[int | str, ...]) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def _is_type_name(part: int | str) -> bool:
    """Whether a step of pydantic's path names a member of a union (`tuple[int, int]`, `int`) and not a key."""
    return isinstance(part, str) and ("[" in part or part in ("int", "float", "constrained-int"))


def _keys_beside(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The keys that are allowed where the last step of `path` stands."""
    current: type[BaseModel] | None = model
    for part in path[:-1]:
        if current is None:
            break
        field = current.model_fields.get(str(part))
        if field is not None:
            current = _model_in(field.annotation) or current
    return list(current.model_fields) if current is not None else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds, itself or as the values of a table."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (dict, types.UnionType):
        return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
    return None
