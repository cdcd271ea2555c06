"""A realistic run made from synthetic scores: judged by `narrowgate.trigger`, kept by `narrowgate.notebook`."""

from dataclasses import asdict
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.notebook import Run, create, environment, load
from narrowgate.trigger import judge, stability

SIGNAL, BACKGROUND = 2000, 60000
LABELS = np.repeat([1, 0], [SIGNAL, BACKGROUND]).astype(np.uint8)
LSB = 0.5


def processes() -> ForkServerContext:
    """Where other processes come from: copies of one that has imported the notebook, so that each starts at once."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["narrowgate.notebook"])
    return context


def run_elsewhere(code: str, **names: Any) -> BaseProcess:
    """Start another process that runs `code`, in which `names` are known."""
    process = processes().Process(target=exec, args=(code, names))
    process.start()
    return process


GIVEN = 'name = "float baseline"  # as in the notebook\n'
CONFIGURATION: dict[str, Any] = {
    "name": "float baseline",
    "network": {"filters": [4, 8], "units": [64], "activation": "relu", "batch_norm": "off", "dropout": 0.0},
    "precision": {"conv": "float", "dense": "float", "batchnorm": "float", "activation": "float", "input": "(10,4)"},
    "training": {"learning_rate": 0.002, "schedule": "cosine", "epochs": 30, "seed": 1},
}


def events(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Scores (events,) and images (events, 5, 4, 1) of events whose hardness both follow, signal first."""
    random = np.random.default_rng(seed)
    hardness = np.concatenate([random.normal(4.2, 1.0, SIGNAL), random.exponential(0.45, BACKGROUND)])
    scores = 2.5 * hardness - 6.0 + random.normal(0.0, 1.0, LABELS.size)
    towers = random.gamma(1.5, 1.0 + 4.0 * hardness[:, None, None, None].clip(0), (LABELS.size, 5, 4, 1))
    return scores.astype(np.float32), towers.astype(np.uint16)


def curve(epochs: int = 30, jumps: float = 0.02) -> dict[str, list[float]]:
    """A training curve with relative scatter `jumps`."""
    random = np.random.default_rng(7)
    epoch = np.arange(1, epochs + 1)
    loss = 0.045 + 0.3 * np.exp(-epoch / 3)
    rough = loss * np.exp(jumps * random.normal(size=epochs))
    content = {
        "epoch": epoch,
        "step": 150 * epoch,
        "learning_rate": 0.001 * (1 + np.cos(np.pi * epoch / epochs)),
        "train_loss": 0.97 * rough,
        "loss": loss * np.exp(0.3 * jumps * random.normal(size=epochs)),
        "accuracy": 0.985 - 0.3 * loss,
        "auc": 0.998 - 0.1 * loss,
        "raw_loss": rough,
        "raw_accuracy": 0.985 - 0.3 * rough,
        "raw_auc": 0.998 - 0.1 * rough,
    }
    return {name: np.asarray(values, dtype=float).tolist() for name, values in content.items()}


def weights() -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(3)
    return {
        "conv0.kernel": random.normal(size=(3, 3, 1, 4)).astype(np.float32),
        "conv0.bias": np.zeros(4, np.float32),
        "output.kernel": random.normal(size=(64, 1)).astype(np.float32),
    }


def metrics(scores: NDArray[np.float32], images: NDArray[np.uint16] | None, jumps: float = 0.02) -> dict[str, Any]:
    judgement = judge(scores, LABELS, images=images, lsb=LSB)
    return {**judgement.as_dict(), "curve": asdict(stability(curve(jumps=jumps)["loss"])), "seconds": 41.7}


def make_run(
    root: Path,
    *,
    name: str = "float baseline",
    noise: float = 0.0,
    precision: str = "float",
    data: str = "f00d",
    with_scores: bool = True,
    jumps: float = 0.02,
    events_seed: int = 0,
) -> Run:
    """Write a finished run whose scores are those of `events` with `noise` added, and read it back."""
    scores, images = events(events_seed)
    scores = scores + (noise * np.random.default_rng(5).normal(size=scores.size)).astype(np.float32)
    configuration = {**CONFIGURATION, "name": name, "precision": {**CONFIGURATION["precision"], "conv": precision}}
    surroundings = environment(device="cpu", seeds=[1], data={"name": "synthetic", "fingerprint": data})
    with create(root, configuration=configuration, given=GIVEN, environment=surroundings) as run:
        run.write_curve(curve(jumps=jumps))
        run.write_weights(weights())
        run.write_metrics(metrics(scores, images, jumps))
        if with_scores:
            run.write_scores(scores, LABELS)
    return load(root, run.id)
