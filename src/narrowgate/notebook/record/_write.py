"""Writing a run: `runs/<id>/` filled file by file, each whole or absent, and sealed when the run is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors.numpy import save

from narrowgate.errors import NarrowgateError
from narrowgate.files import (
    HeldError,
    Lease,
    Process,
    explaining,
    holder_of,
    locked,
    sha256,
    sweep,
    to_toml,
    write_bytes,
    write_json,
    write_text,
)
from narrowgate.notebook._errors import NotebookError
from narrowgate.notebook.pages._page import page
from narrowgate.notebook.record import _ids
from narrowgate.notebook.record._layout import (
    CONFIGURATION,
    CURVE,
    ENVIRONMENT,
    GIVEN,
    METRICS,
    NEEDED,
    PAGE,
    SCORES,
    SEALED,
    WEIGHTS,
)
from narrowgate.notebook.record._load import read_run
from narrowgate.notebook.record._state import State, Status


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run that is being written. Killed at any instant, every file in it is whole or absent.

    Used as a context it also says how the run ended, unless that was said already: finished, interrupted (Ctrl-C), or
    failed with the error's words.
    """

    id: str
    path: Path
    lease: Lease

    def check(self) -> None:
        """Make sure that the run is still this process's to write.

        Raises:
            LostError: another process has taken it over.
        """
        self.lease.check()

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        """Keep what the run ran on (see `environment`)."""
        write_json(self.path / ENVIRONMENT, dict(environment))

    def write_curve(self, curve: Mapping[str, Sequence[float]]) -> None:
        """Keep the training curve: equally long lists by name (see `Run.curve`); may be written again as it grows."""
        lengths = {name: len(values) for name, values in curve.items()}
        if len(set(lengths.values())) > 1:
            raise NotebookError(f"the lists of a curve are equally long; found {lengths}")
        numbers = {name: [float(value) for value in values] for name, values in curve.items()}
        write_json(self.path / CURVE, numbers)

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Keep the metrics: a table of what JSON holds; numbers that are not finite become null."""
        write_json(self.path / METRICS, dict(metrics))

    def write_weights(self, weights: Mapping[str, ArrayLike]) -> None:
        """Keep the weights: name → array of real numbers, stored as float32 of the same shape."""
        write_bytes(self.path / WEIGHTS, save({name: _float32(name, value) for name, value in weights.items()}))

    def write_scores(self, scores: ArrayLike, labels: ArrayLike) -> None:
        """Keep score and label (1 signal, 0 background) of every event of the test split, shape (events,) each.

        Scores are kept as float32, those that are float64 as they are: the exact integers' need up to 53 bits.
        """
        given = np.array(scores, order="C")
        values: NDArray[Any] = given if given.dtype == np.float64 else _float32("scores", given)
        truth = np.array(labels, dtype=np.uint8, order="C")
        if values.ndim != 1 or values.shape != truth.shape:
            shapes = f"{values.shape} and {truth.shape}"
            raise NotebookError(f"scores and labels have one entry an event each; found shapes {shapes}")
        write_bytes(self.path / SCORES, save({"scores": values, "labels": truth}))

    def finish(self) -> None:
        """Seal the run as finished and write its page.

        Raises:
            NotebookError: configuration, environment, curve, metrics or weights were not written.
        """
        missing = [name for name in NEEDED if not (self.path / name).is_file()]
        if missing:
            raise NotebookError(f"run {self.id} cannot be finished without {', '.join(missing)}")
        self._end(Status.FINISHED, "")

    def interrupt(self, reason: str) -> None:
        """Say that the run was stopped before its end; `reopen` goes on with it."""
        self._end(Status.INTERRUPTED, reason)

    def fail(self, reason: str) -> None:
        """Say that the run came to nothing, and why, in a sentence."""
        self._end(Status.FAILED, reason)

    def _end(self, status: Status, reason: str) -> None:
        with locked(self.path):
            self.check()
            written = [name for name in SEALED if (self.path / name).is_file()]
            files = {name: ((self.path / name).stat().st_size, sha256(self.path / name)) for name in written}
            ended = datetime.now().astimezone()
            state = replace(State.read(self.path), status=status, reason=reason, ended=ended, files=files)
            told = replace(read_run(self.path), status=status, reason=reason, ended=ended)
            write_text(self.path / PAGE, page(told))  # before the state: a finished run has everything
            state.write(self.path)
        self.lease.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self.lease.is_ours or State.read(self.path).status is not Status.RUNNING:
            return
        if isinstance(error, Exception):
            self.fail(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        elif error is not None:
            self.interrupt(
                str(error) or ("stopped from the keyboard" if isinstance(error, KeyboardInterrupt) else "stopped")
            )
        elif State.read(self.path).status is Status.RUNNING:
            self._finish_or_fail()

    def _finish_or_fail(self) -> None:
        try:
            self.finish()
        except NarrowgateError as error:
            self.fail(str(error))
            raise


def create(
    root: Path | str,
    *,
    configuration: Mapping[str, Any],
    environment: Mapping[str, Any],
    given: str | None = None,
    name: str | None = None,
    reserved: str | None = None,
    take_over: bool = False,
) -> RunFolder:
    """Begin a run: take an id, make `root/<id>/` and put into it what is known before training.

    With `reserved`, an id from `reserve`, the run is begun under that one; what an earlier beginning has left there is
    replaced, with `take_over` also if a process on another machine was writing it until lately.

    `configuration` is the configuration in full, `given` the text of the file it came from; `name` defaults to the
    configuration's own. See `environment` for what the environment holds.

    Raises:
        NotebookError: the folder cannot be written, or something given is not plain data.
    """
    resolved, started = to_toml(configuration), datetime.now().astimezone()
    title = str(configuration.get("name", "")) if name is None else name

    def fill(identifier: str, folder: Path) -> None:
        State(id=identifier, name=title, started=started, process=Process.current()).write(folder)
        write_text(folder / CONFIGURATION, resolved)
        if given is not None:
            write_text(folder / GIVEN, given)
        write_json(folder / ENVIRONMENT, dict(environment))

    if reserved is None:
        folder = Path(root) / _ids.claim(Path(root), started, fill)
        return RunFolder(folder.name, folder, Lease.take(folder, what=f"run {folder.name}"))
    folder = Path(root) / reserved
    with explaining(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lease = Lease.take(folder, what=f"run {folder.name}", take_over=take_over)
    sweep(folder)
    fill(reserved, folder)
    return RunFolder(folder.name, folder, lease)


def reopen(root: Path | str, identifier: str, *, take_over: bool = False) -> RunFolder:
    """Go on with a run that was interrupted or failed, under its own id and with all it has written.

    With `take_over` also with one that a process on another machine was writing until lately, if that machine is gone.

    Raises:
        NotebookError: there is no such run, it is finished, or a living process is writing it.
    """
    folder = Path(root) / identifier
    if not folder.is_dir():
        raise NotebookError(f"there is no run '{identifier}' in {root}")
    found = State.read(folder)
    if found.status is Status.FINISHED:
        raise NotebookError(f"run {identifier} is finished; a finished run is never written again")
    if found.status is Status.RUNNING and holder_of(folder) is None:  # just begun, or by a narrowgate without leases
        if found.process.is_alive_here():
            raise NotebookError(
                f"run {identifier} is held by {found.process}, which is at work; wait for it, or stop it"
            )
        if not take_over:
            raise NotebookError(
                f"run {identifier} is being written by {found.process}; if that machine is gone, --take-over goes on"
            )
    try:
        lease = Lease.take(folder, what=f"run {identifier}", take_over=take_over)
    except HeldError as error:
        raise NotebookError(str(error)) from error
    with locked(folder):
        state = State.read(folder)
        sweep(folder)
        replace(state, status=Status.RUNNING, reason="", ended=None, files={}, process=Process.current()).write(folder)
    return RunFolder(folder.name, folder, lease)


def _float32(name: str, value: ArrayLike) -> NDArray[np.float32]:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise NotebookError(f"'{name}' holds {array.dtype}; weights and scores are arrays of real numbers")
    return np.array(array, dtype=np.float32, order="C")
