"""narrowgate's side of the training benchmark, in a process of its own, since instructions are chosen as it starts.

`throughput_one.py JSON`, where JSON is an object with `filters`, `batch_norm`, `members` (sizes of populations) and
`seconds` (length of a timed epoch, about). Prints one JSON object on stdout: `convolutions` (who convolves, in words;
empty: XLA), `device`, `jax`, and for every size `rate` (member-events per second, the best of three epochs), `seconds`
of compilation, and the placement.
"""

from __future__ import annotations

import json
import sys
from time import perf_counter
from typing import Any

from narrowgate.training import Population, TrainingImages, device_in_words, program_of, use_all_cores

use_all_cores()

import jax  # noqa: E402 (the devices must be there before JAX is used)

from narrowgate.events import Dataset, load_sample  # noqa: E402
from narrowgate.network import Configuration, convolutions  # noqa: E402


def configuration(filters: list[int], batch_norm: bool) -> Configuration:
    """The notebook's network with (12,2) everywhere."""
    formats = dict.fromkeys(("conv", "dense", "batchnorm", "activation"), "(12,2)")
    network = {"filters": filters, "batch_norm": "hidden" if batch_norm else "off"}
    return Configuration.parse({"network": network, "precision": formats})


def measure(one: Configuration, dataset: Dataset, members: int, seconds: float) -> dict[str, Any]:
    """A population of so many members in its fastest placement."""
    images = TrainingImages.of(dataset.train)
    chosen = [one.with_settings({"training.seed": seed}).for_counts(dataset.bits) for seed in range(members)]
    steps = max(4, int(seconds * 60_000 / members / one.training.batch_size))
    program = program_of(one.with_settings({"training.steps_per_epoch": steps}), dataset.geometry.shape)
    population = Population(program, members)
    settings = population.settings(chosen, 1000)
    state = population.initial_state(settings)
    population = population.tuned(settings, state, images)
    images = population.share(images)
    times = []
    for _ in range(4):
        start = perf_counter()
        state, losses = population.train_epoch(settings, state, images)
        jax.block_until_ready(losses)
        times.append(perf_counter() - start)
    best, placement = min(times[1:]), population.placement
    return {
        "rate": members * steps * one.training.batch_size / best,
        "seconds": times[0] - best,
        "placement": f"{placement.devices} × {placement.chunk}",
    }


def main() -> None:
    asked = json.loads(sys.argv[1])
    dataset = load_sample()
    one = configuration(asked["filters"], asked["batch_norm"])
    found = {str(members): measure(one, dataset, members, asked["seconds"]) for members in asked["members"]}
    words = {"convolutions": convolutions().in_words, "device": device_in_words(), "jax": jax.__version__}
    print(json.dumps(words | {"reason": convolutions().reason, "by_members": found}))


if __name__ == "__main__":
    main()
