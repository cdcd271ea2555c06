"""What each configuration is truly worth: full trainings with fresh seeds, judged on many events no search has seen."""

from __future__ import annotations

import json
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from narrowgate.events import load, load_sample
from narrowgate.files import write_text
from narrowgate.study import Study
from narrowgate.study.journal._members import Member, finalist_member
from narrowgate.study.run._rungs import Search
from narrowgate.training import Placement, Population, in_batches, program_of
from narrowgate.trigger import WorkingPoint, efficiency_at_rate

from .pool import STUDY, configurations, opened

EVERY = 450
"""Steps between evaluations of a full training: only the last one is needed."""

SIFTED = 150
"""Counts of transverse energy (0.5 GeV each) below which a background event is not scored; see `sift`."""

ROUNDS = 10
"""Most full trainings of one configuration."""

TOP = 2000
"""Highest background scores that are kept of each network."""


def truth_study() -> Study:
    """Search 1 with finalists that are evaluated seldom."""
    study = Study.load(STUDY).for_counts(10)
    strategy = study.strategy.model_copy(update={"evaluate_every": EVERY})
    ranking = study.ranking.model_copy(update={"last": 1})
    return Study(study.name, study.space, strategy, ranking, study.finalists, study.text)


def truth_members(names: Sequence[str], rounds: range) -> list[Member]:
    """Fully trained members: one a round and configuration, every one with a seed of its own.

    A seed shared by all configurations of one shape would make their luck common, and the shape would look better or
    worse than it is. The order is that of the training: wherever it stops, the shapes have had equal shares.
    """
    study = truth_study()
    every = configurations(study)
    places = {name: place for place, name in enumerate(every)}
    shuffled = random.Random(1).sample(sorted(names), len(names))
    by_shape: dict[Any, list[str]] = defaultdict(list)
    for name in shuffled:
        by_shape[every[name].network.filters].append(name)
    members = []
    for number in rounds:
        for start in range(0, max(map(len, by_shape.values())), 2):
            for shape in sorted(by_shape):
                for name in by_shape[shape][start : start + 2]:
                    members.append(finalist_member(study, name, every[name], "cosine", places[name] + 200 * number))
    return members


@dataclass(frozen=True)
class Events:
    """The events that judge: all signal, and the background that was sifted, of `background_events` in all."""

    signal: NDArray[Any]
    background: NDArray[Any]
    background_events: int


def events(more: Path | None) -> Events:
    """The sample's test split, and that of another simulated data set."""
    parts = [load_sample()] + ([load(more)] if more else [])
    background = np.concatenate([part.test.background for part in parts])
    energies = background.sum(axis=(1, 2, 3), dtype=np.int64)
    signal = np.concatenate([part.test.signal for part in parts])
    return Events(signal, background[energies >= SIFTED], len(background))


def judge(folder: Path, more: Path | None) -> None:
    """Score every full training that is not scored yet; a small file each in `folder`/scores."""
    study, dataset = truth_study(), load_sample()
    target = folder / "scores"
    target.mkdir(parents=True, exist_ok=True)
    with opened(folder / "truth", study, dataset) as search:
        members = [
            member
            for member in truth_members(list(configurations(study)), range(ROUNDS))
            if search.record.known[member.id].step >= study.finalists.steps
            and not (target / f"{member.name}.npz").exists()
        ]
        if not members:
            return
        found = events(more)
        counts = {"signal": len(found.signal), "background": found.background_events, "sifted": len(found.background)}
        write_text(folder / "judged.json", json.dumps(counts | {"crossing_rate": dataset.crossing_rate}) + "\n")
        print(f"{len(members)} networks on {len(found.background)} of {found.background_events}", file=sys.stderr)
        batches = in_batches(np.concatenate([found.signal, found.background]))
        groups: dict[Any, list[Member]] = defaultdict(list)
        for member in members:
            groups[program_of(member.configuration, dataset.geometry.shape)].append(member)
        for program, group in groups.items():
            population = Population(program, 2, Placement(jax.local_device_count(), 1))
            shared = population.share(jnp.asarray(batches))
            for place in range(0, len(group), 2):
                pair = (group[place : place + 2] * 2)[:2]
                for member, scores in zip(pair, _scores(search, population, pair, shared), strict=True):
                    _keep(target, member, scores, found)


def _scores(search: Search, population: Population, pair: Sequence[Member], batches: Any) -> NDArray[np.float32]:
    states = [search.state(one) for one in pair]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    settings = population.settings([one.configuration for one in pair], pair[0].configuration.training.steps)
    found = population.scores(settings, stacked.averaged_weights, stacked.averaged_statistics, batches)
    return np.asarray(found).reshape(len(pair), -1)


def _keep(target: Path, member: Member, scores: NDArray[np.float32], found: Events) -> None:
    signal = scores[: len(found.signal)]
    background = scores[len(found.signal) : len(found.signal) + len(found.background)]
    top = np.argsort(-background, kind="stable")[:TOP]
    np.savez(target / f"{member.name}.npz", signal=signal, top=background[top], place=top.astype(np.int32))


def judged_on(folder: Path) -> dict[str, Any]:
    """How many events judged: `signal`, `background`, the `sifted` of the latter that were scored; `crossing_rate`."""
    found: dict[str, Any] = json.loads((folder / "judged.json").read_text())
    return found


def read_truth(
    folder: Path, background_events: int, rate: float, crossing_rate: float
) -> dict[str, list[WorkingPoint]]:
    """The working point of every network that was judged, by configuration, in the order of the seeds."""
    found: dict[str, list[WorkingPoint]] = defaultdict(list)
    for path in sorted((folder / "scores").glob("*.npz")):
        name = path.stem.split("-")[0]
        with np.load(path) as arrays:
            background = np.full(background_events, float(arrays["top"][-1]) - 1, np.float32)
            background[: len(arrays["top"])] = arrays["top"]
            found[name].append(efficiency_at_rate(arrays["signal"], background, rate, crossing_rate=crossing_rate))
    return dict(found)


def half_interval(folder: Path, best: Sequence[str], rate: float, crossing_rate: float) -> float:
    """How far the 68 % interval's lower end lies below the value: the median over networks of `best` configurations,
    judged on the sample's test split alone, as a search judges its finalists.
    """
    test = load_sample().test
    kept = int((test.background.sum(axis=(1, 2, 3), dtype=np.int64) >= SIFTED).sum())
    signal_events, background_events = int(test.labels.sum()), int((test.labels == 0).sum())
    found = []
    for name in best:
        for path in sorted((folder / "scores").glob(f"{name}-*.npz")):
            with np.load(path) as arrays:
                own = arrays["top"][arrays["place"] < kept]
                background = np.full(background_events, float(arrays["top"][-1]) - 1, np.float32)
                background[: len(own)] = own
                point = efficiency_at_rate(
                    arrays["signal"][:signal_events], background, rate, crossing_rate=crossing_rate
                )
                found.append(point.efficiency - point.low)
    return float(np.median(found))
