"""How much at a time, states, measures, costs, units, the meter: the parts of a search on their own."""

import io
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Semaphore
from time import sleep

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from narrowgate.network import Configuration
from narrowgate.study import Progress, Study, StudyError, bit_operations, bits_per_weight, live_view, weight_bits
from narrowgate.study._measures import classified, efficiency
from narrowgate.study.journal._member_id import MemberId
from narrowgate.study.journal._members import Known, finalist_member, rung_member, units
from narrowgate.study.run._concurrency import Concurrency, is_out_of_memory
from narrowgate.study.run._progress import Meter, render
from narrowgate.study.run._states import StateFolder
from narrowgate.training import initial_state, program_of

from .small_study import TEXT

STUDY = Study.parse(TEXT)


def test_memory_that_overflows_halves_the_lanes_and_goes_on() -> None:
    lanes = Concurrency(8, workers=1)
    tried: list[int] = []
    told: list[str] = []

    def work() -> str:
        tried.append(lanes.count)
        if lanes.count > 2:
            raise MemoryError
        return "done"

    assert lanes.run(work, told.append) == "done"
    assert tried == [8, 4, 2]
    assert told == [
        "out of memory: going on with 4 members at a time",
        "out of memory: going on with 2 members at a time",
    ]


def test_when_not_even_one_fits_there_is_a_sentence() -> None:
    def work() -> None:
        raise MemoryError("4 TB")

    with pytest.raises(StudyError, match="not even one member fits"):
        Concurrency(2, workers=1).run(work, lambda _: None)


def test_memory_that_holds_two_workers_of_four_is_worked_on_by_two() -> None:
    lanes, at_once, all_there = Concurrency(1, workers=4), Semaphore(2), Barrier(4, timeout=60)
    told: list[str] = []
    seen: list[int] = []

    def work() -> str:
        if not seen:
            all_there.wait()  # four begin side by side
        seen.append(lanes.workers)
        if not at_once.acquire(blocking=False):
            raise MemoryError
        sleep(0.05)
        at_once.release()
        return "done"

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: lanes.run(work, told.append), range(8)))
    assert found == ["done"] * 8
    assert lanes.workers in (1, 2)
    assert told[0] == "out of memory: going on with 2 members at a time"


def test_other_errors_are_not_taken_for_full_memory() -> None:
    assert is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes"))
    assert not is_out_of_memory(RuntimeError("INVALID_ARGUMENT"))


def test_states_come_back_to_the_bit_or_not_at_all(tmp_path: Path) -> None:
    states = StateFolder(tmp_path / "states")
    fresh = initial_state(program_of(Configuration.parse({"network": {"filters": [2]}}), (8, 6, 1)), 7)
    state = fresh._replace(statistics={"mean": jnp.array([[1 / 3, -0.0]])}, step=jnp.int32(7))
    digest = states.keep("c001-s1", 7, state)
    found = states.find("c001-s1", 7, digest, state)
    assert found is not None
    assert np.asarray(found.statistics["mean"]).tobytes() == np.asarray(state.statistics["mean"]).tobytes()
    assert found.step == 7
    assert found.weights.keys() == fresh.weights.keys()
    assert states.keep("c001-s1", 7, state) == digest
    assert states.find("c001-s1", 8, digest, state) is None
    assert states.find("c001-s1", 7, "0" * 64, state) is None
    states.keep("c002-s1", 7, state)
    states.forget_all_but([("c002-s1", 7)])
    assert [path.name for path in (tmp_path / "states").iterdir()] == ["c002-s1-at-7.safetensors"]


def test_scores_that_are_not_finite_measure_nothing() -> None:
    scores, labels = np.array([np.nan, 1.0]), np.array([1, 0], dtype=np.uint8)
    assert classified(scores, labels) == {"loss": None, "accuracy": None, "auc": None}
    assert efficiency(scores, labels, 1.0, 10.0) is None
    assert classified(np.zeros(2), labels)["loss"] == pytest.approx(np.log(2))


def test_costs_by_hand() -> None:
    configuration = Configuration.parse(
        {
            "network": {"filters": [2], "kernels": 3, "pools": 2, "units": [5], "batch_norm": "hidden"},
            "precision": {"conv": "(6,1)", "dense": "(4,0)", "batchnorm": "(8,4)", "activation": "(3,1)"},
        }
    ).for_counts(10)
    # 8 × 4 × 1 images: kernel 3·3·1·2, pooled to 4 × 2 × 2 = 16 inputs, 5 hidden units, 1 output.
    conv, dense, output = 18 + 2, 16 * 5 + 5, 5 + 1
    assert weight_bits(configuration, (8, 4, 1)) == conv * 6 + (dense + output) * 4 + 2 * (2 + 5) * 8
    assert bits_per_weight(configuration, (8, 4, 1)) == weight_bits(configuration, (8, 4, 1)) / (conv + dense + output)
    assert bit_operations(configuration, (8, 4, 1)) == 32 * 18 * 6 * 10 + 16 * 5 * 4 * 3 + 5 * 4 * 3
    assert bits_per_weight(Configuration(), (8, 4, 1)) == 32


def test_a_state_after_n_steps_does_not_depend_on_the_rung() -> None:
    member = rung_member(STUDY, "c001", Configuration(), 2)
    assert member.name == "c001-s2"
    assert member.seed == 2
    assert member.configuration.training.schedule == "warm-up"
    assert member.configuration.training.steps == STUDY.strategy.largest
    last = finalist_member(STUDY, "c001", Configuration(), "cosine", 0)
    assert last.configuration.training.schedule == "cosine"
    assert last.configuration.training.steps == STUDY.finalists.steps
    assert last.seed not in range(1, 1001)


def test_a_study_repeated_with_another_seed_shares_no_member() -> None:
    def seeds(study: Study) -> set[int]:
        rungs = {rung_member(study, "c001", Configuration(), number).seed for number in (1, 2, 3)}
        return rungs | {finalist_member(study, "c001", Configuration(), "cosine", number).seed for number in range(5)}

    again = [Study.parse(TEXT.replace("[strategy]", f"[strategy]\nseed = {seed}")) for seed in (0, 1, 2, 2**31 - 1)]
    assert len(set().union(*map(seeds, again))) == len(again) * 8
    assert seeds(again[1]) == seeds(STUDY)


@given(st.lists(st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([0, 40, 80])), max_size=30), st.integers(1, 7))
def test_units_bring_everybody_to_the_end_once(given_members: list[tuple[int, int]], size: int) -> None:
    known: dict[MemberId, Known] = defaultdict(Known)
    members = []
    for number, (filters, step) in enumerate(given_members):
        configuration = Configuration.parse({"network": {"filters": [filters, 4]}})
        members.append(rung_member(STUDY, f"c{number:03}", configuration, 1))
        known[members[-1].id].step = step
    found = units("rung", members, known, 80, (8, 4, 1), size)
    worked = [member.name for unit in found for member in unit.members]
    assert sorted(worked) == sorted(member.name for member in members if known[member.id].step < 80)
    assert len({unit.name for unit in found}) == len(found)
    places = {member.name: place for place, member in enumerate(members)}
    starts = [places[unit.members[0].name] for unit in found]
    assert starts == sorted(starts)  # nobody waits for those behind
    for unit in found:
        assert len(unit.members) <= size
        assert {known[member.id].step for member in unit.members} == {unit.start}
        assert len({member.configuration.network.filters for member in unit.members}) == 1


def test_the_meter_keeps_time_for_the_finalists() -> None:
    now = 0.0
    meter = Meter(1000, time_budget=100.0, clock=lambda: now)
    assert not meter.time_is_up(keep_for=10**9)
    now = 10.0
    meter.count(100, 6400)
    assert meter.events_per_second == 640
    assert meter.seconds_for(200) == 20
    assert not meter.time_is_up(keep_for=200)
    now = 51.0
    assert not meter.time_is_up(keep_for=90)
    assert meter.time_is_up(keep_for=10**6)  # half of the budget at most
    now = 100.0
    assert meter.time_is_up()
    assert not Meter(1, time_budget=None).time_is_up()


def test_progress_is_shown_live_or_line_by_line() -> None:
    progress = Progress("small", "bracket 1 of 2, 40 steps", 6, "c003, auc 0.9", 30, 120, 5e4, 65.0, 195.0, "a note")
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
        with live_view(console) as report:
            report(progress)
            report(progress)
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert text.count("bracket 1 of 2, 40 steps, 6 configurations") >= 1
        assert text.count("note: a note") == 1
    assert text.splitlines() == [
        "note: a note",
        " 25%  bracket 1 of 2, 40 steps, 6 configurations; 3 min 15 s left; best so far c003, auc 0.9",
    ]
    console = Console(file=io.StringIO(), width=120)
    console.print(render(progress))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for words in (
        "small",
        "25%",
        "3 min 15 s left",
        "c003, auc 0.9",
        "50,000 member-events/s, 1 min 05 s so far",
    ):
        assert words in shown
