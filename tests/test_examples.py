"""The examples in docstrings (`>>>`) are run, and give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import narrowgate

NEEDS_MORE = ("narrowgate.__main__",)
"""Modules that run something when they are imported."""


def modules() -> list[str]:
    """Every module of the package that holds an example."""
    found = pkgutil.walk_packages(narrowgate.__path__, "narrowgate.")
    return [one.name for one in found if one.name not in NEEDS_MORE and _has_example(one)]


def _has_example(module: pkgutil.ModuleInfo) -> bool:
    spec = module.module_finder.find_spec(module.name, None)
    source = spec.loader.get_source(module.name) if spec and spec.loader else None  # type: ignore[attr-defined]
    return ">>>" in (source or "")


def test_there_are_examples() -> None:
    assert modules()


@pytest.mark.parametrize("name", modules())
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0
