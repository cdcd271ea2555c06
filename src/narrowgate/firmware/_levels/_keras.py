"""The Keras model, on JAX."""

from __future__ import annotations

from narrowgate.firmware._evaluate import Images
from narrowgate.firmware._keras import behind_layers, build, logits
from narrowgate.firmware._levels._tool import Job, Outcome, Tool


def predicted(job: Job, images: Images) -> Outcome:
    """What the model that `export` writes predicts."""
    model = build(job.network, "verification with keras")
    return Outcome(
        logits(model, job.network, images),
        lambda few: behind_layers(model, job.network, few),
        "nothing behind the layers, which agree one by one",
    )


KERAS = Tool("keras", "the Keras model", predicted)
