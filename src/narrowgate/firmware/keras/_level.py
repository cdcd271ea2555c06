"""The Keras model, on JAX."""

from __future__ import annotations

from narrowgate.firmware._tool import Job, Outcome, Tool
from narrowgate.firmware.keras._model import behind_layers, build, logits
from narrowgate.integers import Images


def predicted(job: Job, images: Images) -> Outcome:
    """What the model that `export` writes predicts."""
    model = build(job.network, "verification with keras")
    return Outcome(
        logits(model, job.network, images),
        lambda few: behind_layers(model, job.network, few),
        "nothing behind the layers, which agree one by one",
    )


KERAS = Tool("keras", "the Keras model", predicted)
