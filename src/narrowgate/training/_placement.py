"""How a population is laid over the machine: how many devices, and how many members side by side on each.

Three ways win in different regimes: one member after the other (`chunk` 1; small arrays stay in the processor's cache),
all at once (a large accelerator), or a few at a time. The choice changes speed and, by float rounding at most, nothing
else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from narrowgate.files import FileError, cache_folder, read_json, write_json
from narrowgate.machine import cores
from narrowgate.network import convolutions


@dataclass(frozen=True)
class Placement:
    """Members are dealt to `devices` in equal shares; each device takes `chunk` of its share at a time."""

    devices: int
    chunk: int

    def padded(self, members: int) -> int:
        """The smallest population not below `members` that deals out evenly."""
        return -(-members // self.devices) * self.devices

    def dealt(self, tree: Any) -> Any:
        """Arrays with a (padded) member axis, each device's share on that device; what is there stays as it is."""
        wanted = NamedSharding(self._mesh(), PartitionSpec("members"))
        leaves, structure = jax.tree.flatten(tree)
        elsewhere = [index for index, leaf in enumerate(leaves) if getattr(leaf, "sharding", None) != wanted]
        moved = jax.device_put([leaves[index] for index in elsewhere], wanted)
        for index, leaf in zip(elsewhere, moved, strict=True):
            leaves[index] = leaf
        return jax.tree.unflatten(structure, leaves)

    def everywhere(self, tree: Any) -> Any:
        """Arrays that all members use, whole on every device."""
        return jax.device_put(tree, NamedSharding(self._mesh(), PartitionSpec()))

    def _mesh(self) -> Mesh:
        return Mesh(np.asarray(jax.local_devices()[: self.devices]), ("members",))

    def over_members(self, one: Callable[..., Any], mapped: int) -> Callable[..., Any]:
        """`one`, written for one member, over a population: the first `mapped` arguments have a member axis.

        Every leaf of the result has the member axis first.
        """

        def share(*arguments: Any) -> Any:
            members, common = arguments[:mapped], arguments[mapped:]
            count = len(jax.tree.leaves(members)[0])
            if self.chunk >= count and count > 1:
                return jax.vmap(lambda *member: one(*member, *common))(*members)
            return jax.lax.map(
                lambda member: one(*member, *common), members, batch_size=None if self.chunk == 1 else self.chunk
            )

        if self.devices == 1:
            return share

        def spread(*arguments: Any) -> Any:
            specs = (PartitionSpec("members"),) * mapped + (PartitionSpec(),) * (len(arguments) - mapped)
            shared = jax.shard_map(
                share, mesh=self._mesh(), in_specs=specs, out_specs=PartitionSpec("members"), check_vma=False
            )
            return shared(*arguments)

        return spread


def use_all_cores() -> None:
    """Make one JAX device of every processor core, so that members train side by side.

    Call it before JAX is first used; afterwards it has no effect. An environment that sets XLA_FLAGS itself is left
    as it is, and so is a machine with an accelerator (there only the host's devices are counted).
    """
    if "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    try:
        jax.config.update("jax_num_cpu_devices", cores())
    except RuntimeError:
        return  # JAX is already running


def device_in_words() -> str:
    """What computes here, for a record: `2 × cpu, native convolutions (x86-64-v3)`.

    Where it differs, so may the last bits.
    """
    kind = f"{jax.local_device_count()} × {jax.local_devices()[0].device_kind}"
    return ", ".join(filter(None, (kind, convolutions().in_words)))


def usual_placement(members: int) -> Placement:
    """What is used without a measurement: one member after the other on each core, or all at once on an accelerator."""
    devices = min(members, jax.local_device_count())
    accelerated = jax.default_backend() != "cpu"
    return Placement(devices, -(-members // devices) if accelerated else 1)


def candidates(members: int) -> list[Placement]:
    """The placements worth measuring for a population, the usual one first."""
    usual = usual_placement(members)
    if convolutions().native:  # its functions take one member at a time
        return [usual]
    share = -(-members // usual.devices)
    chunks = (1, 4, 16, 64, 256) if usual.chunk == 1 else (64, 256)
    others = [Placement(usual.devices, chunk) for chunk in (*chunks, share) if chunk <= share]
    return list(dict.fromkeys([usual, *others]))


class PlacementMemory:
    """The winners of earlier measurements, in one small JSON file of the user's cache."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or cache_folder() / "placements.json"

    def recall(self, key: str) -> Placement | None:
        """The remembered winner; `None` when there is none or the file cannot be used."""
        try:
            entry = self._read()[key]
            return Placement(int(entry["devices"]), int(entry["chunk"]))
        except (KeyError, TypeError, ValueError):
            return None

    def remember(self, key: str, placement: Placement) -> None:
        """Keep a winner; a cache that cannot be written is no error."""
        entries = self._read() | {key: asdict(placement)}
        with suppress(FileError):
            write_json(self._path, dict(sorted(entries.items())))

    def _read(self) -> dict[str, Any]:
        try:
            entries = read_json(self._path)
        except FileError:
            return {}
        return entries if isinstance(entries, dict) else {}


WORTH_CHANGING = 0.95
"""A placement replaces the usual one only when it takes less than this share of its time: measurements are noisy."""


def fastest(choices: list[Placement], run: Callable[[Placement], Any]) -> Placement:
    """The placement whose `run` is quickest, in doubt the first; each compiles, then runs three times in turn."""
    for placement in choices:
        jax.block_until_ready(run(placement))
    seconds = dict.fromkeys(choices, float("inf"))
    for _ in range(3):
        for placement in choices:
            start = perf_counter()
            jax.block_until_ready(run(placement))
            seconds[placement] = min(seconds[placement], perf_counter() - start)
    best = min(seconds, key=seconds.__getitem__)
    return best if seconds[best] < WORTH_CHANGING * seconds[choices[0]] else choices[0]
