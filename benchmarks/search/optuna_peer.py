"""The HGQ2 + Optuna side of the search benchmark: Keras 3 on JAX, fixed bit-widths, Hyperband pruner and TPE sampler.

Runs in the environment `hgq2` (hgq2 0.2, keras 3, jax, optuna): `search/optuna_peer.py JSON`, where JSON is an object
with `study`, `data`, `steps_per_epoch`, `max_epochs`, `factor`, `batch_size`, `seed` and `scores` as in
`kerastuner_peer.py`, and

- `trials`: how many configurations Optuna may try;
- `cache`: an empty folder for JAX's compilation cache, so that models that compile to the same program share it; or
  null to do without.

A trial reports the class-balanced validation loss after every epoch; its value is that of its best epoch. Prints one
JSON object as `kerastuner_peer.py` does.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import hgq2_network
import jax
import keras
import numpy as np
import optuna
import space


class Report(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
    """Tells Optuna of every epoch, stops a trial that Optuna prunes, and keeps the best epoch's weights."""

    def __init__(self, trial: optuna.Trial) -> None:
        super().__init__()
        self.trial, self.best, self.weights, self.epochs, self.pruned = trial, np.inf, None, 0, False

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:  # noqa: D102
        self.epochs, loss = epoch + 1, logs["val_loss"]
        if loss < self.best:
            self.best, self.weights = loss, self.model.get_weights()
        self.trial.report(loss, self.epochs)
        if self.trial.should_prune():
            self.pruned = self.model.stop_training = True


def search(options: dict[str, Any]) -> dict[str, Any]:
    """The whole search, timed; then the winner's scores."""
    if options["cache"]:
        jax.config.update("jax_compilation_cache_dir", options["cache"])
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    study, choices = options["study"], space.choices(options["study"])
    with np.load(options["data"]) as file:
        data = {name: file[name] for name in file.files}
    shape = data["train_images"].shape[1:]
    keras.utils.set_random_seed(options["seed"])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    best: dict[str, Any] = {"value": np.inf}
    epochs = 0
    started = time.perf_counter()
    batches = hgq2_network.Balanced(
        data["train_images"], data["train_labels"], options["batch_size"], options["steps_per_epoch"], options["seed"]
    )
    looked_at = (
        data["validation_images"].astype(np.float32) * np.float32(hgq2_network.PIXEL),
        data["validation_labels"].astype(np.float32)[:, None],
    )

    def objective(trial: optuna.Trial) -> float:
        nonlocal best, epochs
        places = {name: trial.suggest_categorical(name, list(range(len(values)))) for name, values in choices.items()}
        point = {name: choices[name][place] for name, place in places.items()}
        wanted = space.network(study, point)
        model = hgq2_network.given_network(shape, wanted)
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(wanted["learning_rate"]), loss, jit_compile=True)
        report = Report(trial)
        model.fit(
            batches,
            epochs=options["max_epochs"],
            validation_data=looked_at,
            validation_batch_size=1024,
            callbacks=[report, keras.callbacks.TerminateOnNaN()],
            verbose=0,
        )
        epochs += report.epochs
        if report.pruned:
            raise optuna.TrialPruned
        if report.best < best["value"]:
            best = {"value": report.best, "weights": report.weights, "point": point, "network": wanted}
        return report.best

    tuned = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=options["seed"]),
        pruner=optuna.pruners.HyperbandPruner(1, options["max_epochs"], options["factor"]),
    )
    tuned.optimize(objective, n_trials=options["trials"])
    seconds = time.perf_counter() - started
    model = hgq2_network.given_network(shape, best["network"])
    model.set_weights(best["weights"])
    images = data["test_images"].astype(np.float32) * np.float32(hgq2_network.PIXEL)
    np.save(options["scores"], model.predict(images, batch_size=4096, verbose=0)[:, 0])
    points = {json.dumps(trial.params) for trial in tuned.trials}
    names = ("HGQ2", "keras", "jax", "optuna")
    return {
        "seconds": seconds,
        "member_events": epochs * options["steps_per_epoch"] * options["batch_size"],
        "trials": len(tuned.trials),
        "configurations": len(points),
        "epochs": epochs,
        "winner": best["point"],
        "value": best["value"],
        "versions": ", ".join(f"{name} {version(name)}" for name in names),
    }


if __name__ == "__main__":
    print(json.dumps(search(json.loads(sys.argv[1]))))
