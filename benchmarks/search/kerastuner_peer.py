"""The QKeras + KerasTuner side of the search benchmark: Hyperband as the notebook of 2022 used it, done well.

Runs in the environment `qkeras` (tensorflow 2.15, qkeras 0.9, keras-tuner 1.4.8): `search/kerastuner_peer.py JSON`,
where JSON is an object with

- `study`: the study's file as TOML reads it (its space is searched; strategy and ranking are those here);
- `data`: an NPZ file with `train_`, `validation_` and `test_` `images` (N, rows, columns, channels) and `labels` (N,);
- `folder`: where KerasTuner keeps its trials;
- `steps_per_epoch`, `max_epochs`, `factor`: the budget; `batch_size`; `seed`;
- `steps_per_call`: Keras' `steps_per_execution`;
- `scores`: the NPY file to write the winner's scores on the test split into.

The best epoch of the class-balanced validation loss ranks, as in the notebook. Batches are half signal, half
background, drawn in the graph. Prints one JSON object: `seconds` of the whole search (building and tracing the
models, training, evaluation, KerasTuner's own checkpoints), `member_events`, `trials` (models built),
`configurations` (different ones), `epochs`, `winner` (a value for every parameter), `value` (its validation loss),
`versions`.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import keras_tuner
import numpy as np
import qkeras
import space
import tensorflow as tf

import qkeras_peer

PIXEL = 2.0**-6


def balanced(images: np.ndarray, labels: np.ndarray, size: int, steps: int) -> tf.data.Dataset:
    """Endless batches, half signal and half background, drawn with replacement; `steps` batches' events at once."""
    classes = [tf.constant(images[labels == label], tf.float32) * PIXEL for label in (1, 0)]
    truth = tf.repeat(tf.constant([1.0, 0.0]), size // 2)

    def drawn(_: tf.Tensor) -> tf.data.Dataset:
        chosen = [tf.random.uniform((steps, size // 2), 0, len(events), tf.int32) for events in classes]
        return tf.data.Dataset.from_tensor_slices(tuple(chosen))

    def gathered(signal: tf.Tensor, background: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        parts = [tf.gather(events, chosen) for events, chosen in zip(classes, (signal, background), strict=True)]
        return tf.concat(parts, axis=0), truth

    return tf.data.Dataset.range(1).repeat().flat_map(drawn).map(gathered).prefetch(tf.data.AUTOTUNE)


class Counter(tf.keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
    """Counts epochs over all trials."""

    epochs = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: D102
        Counter.epochs += 1


def search(options: dict[str, Any]) -> dict[str, Any]:
    """The whole search, timed; then the winner's scores."""
    study, choices = options["study"], space.choices(options["study"])
    with np.load(options["data"]) as file:
        data = {name: file[name] for name in file.files}
    tf.keras.utils.set_random_seed(options["seed"])
    batch_size, steps = options["batch_size"], options["steps_per_epoch"]
    started = time.perf_counter()
    batches = balanced(data["train_images"], data["train_labels"], batch_size, steps)
    looked_at = tf.data.Dataset.from_tensor_slices(
        (data["validation_images"].astype(np.float32) * PIXEL, data["validation_labels"].astype(np.float32))
    )
    looked_at = looked_at.batch(1024).cache()

    def build(hyperparameters: keras_tuner.HyperParameters) -> tf.keras.Model:
        places = {name: hyperparameters.Choice(name, list(range(len(values)))) for name, values in choices.items()}
        point = {name: choices[name][place] for name, place in places.items()}
        wanted = qkeras_peer.DEFAULTS | space.network(study, point)
        model = qkeras_peer.network(data["train_images"].shape[1:], wanted)
        model.compile(
            tf.keras.optimizers.Adam(wanted["learning_rate"]),
            tf.keras.losses.BinaryCrossentropy(from_logits=True),
            steps_per_execution=options["steps_per_call"],
        )
        return model

    tuner = keras_tuner.Hyperband(
        build,
        objective=keras_tuner.Objective("val_loss", "min"),
        max_epochs=options["max_epochs"],
        factor=options["factor"],
        seed=options["seed"],
        directory=options["folder"],
        project_name="trials",
        overwrite=True,
    )
    tuner.search(batches, steps_per_epoch=steps, validation_data=looked_at, callbacks=[Counter()], verbose=0)
    seconds = time.perf_counter() - started
    trials = list(tuner.oracle.trials.values())
    best = tuner.oracle.get_best_trials(1)[0]
    points = [{name: trial.hyperparameters.values[name] for name in choices} for trial in trials]
    model = tuner.get_best_models(1)[0]
    images = data["test_images"].astype(np.float32) * PIXEL
    np.save(options["scores"], model.predict(images, batch_size=4096, verbose=0)[:, 0])
    return {
        "seconds": seconds,
        "member_events": Counter.epochs * steps * batch_size,
        "trials": len(trials),
        "configurations": len({json.dumps(point) for point in points}),
        "epochs": Counter.epochs,
        "winner": {name: values[best.hyperparameters.values[name]] for name, values in choices.items()},
        "value": best.score,
        "versions": f"tensorflow {tf.__version__}, qkeras {qkeras.__version__}, keras-tuner {keras_tuner.__version__}",
    }


if __name__ == "__main__":
    print(json.dumps(search(json.loads(sys.argv[1]))))
