"""State on disk: to the bit or not at all, and a sentence for whatever is wrong with a file."""

import json
import struct
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save

from narrowgate.network import Configuration
from narrowgate.training import CheckpointError, State, initial_state, program_of, read_state, write_state

CONFIGURATION = Configuration.parse({"network": {"filters": [2], "units": [4], "batch_norm": "hidden"}})
PROGRAM = program_of(CONFIGURATION, (8, 6, 1))
STATE = initial_state(PROGRAM, 3)


def named(state: State) -> dict[str, Any]:
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(state)}


def with_head(path: Path, head: str, arrays: dict[str, Any] | None = None) -> None:
    path.write_bytes(save(arrays or named(STATE), metadata={"narrowgate": head}))


def test_a_state_comes_back_to_the_bit_with_what_was_said_about_it(tmp_path: Path) -> None:
    odd = STATE._replace(weights=STATE.weights | {"conv0.bias": jnp.array([np.nan, -0.0])})
    digest = write_state(tmp_path / "a", odd, {"epochs": 7, "seconds": 1 / 3})
    found, again, about = read_state(tmp_path / "a", STATE)
    assert again == digest
    assert about == {"epochs": 7, "seconds": 1 / 3}
    for name, values in named(odd).items():
        assert named(found)[name].tobytes() == values.tobytes()
        assert named(found)[name].dtype == values.dtype
    assert type(found) is State


def test_what_is_learned_beside_the_weights_is_kept_too(tmp_path: Path) -> None:
    state = initial_state(PROGRAM, 3, {"bits": jnp.array([4.0, 3.5])})
    write_state(tmp_path / "a", state)
    found, _, _ = read_state(tmp_path / "a", state)
    np.testing.assert_array_equal(found.learned["bits"], [4.0, 3.5])
    with pytest.raises(CheckpointError, match="beyond what this training keeps"):
        read_state(tmp_path / "a", STATE)
    write_state(tmp_path / "b", STATE)
    with pytest.raises(CheckpointError, match="missing from what this training keeps"):
        read_state(tmp_path / "b", state)


def test_the_digest_is_that_of_the_arrays_alone(tmp_path: Path) -> None:
    """So states that were written before heads were (November 2026) have the digests that their journals name."""
    digest = write_state(tmp_path / "new", STATE, {"anything": 1})
    (tmp_path / "old").write_bytes(save(named(STATE)))
    assert read_state(tmp_path / "old", STATE)[1] == digest


def test_a_file_of_a_newer_narrowgate_is_told_apart_from_a_damaged_one(tmp_path: Path) -> None:
    with_head(tmp_path / "a", json.dumps({"version": 2, "shape of things to come": []}))
    with pytest.raises(CheckpointError, match=r"newer narrowgate \(its layout is version 2, this one reads up to 1\)"):
        read_state(tmp_path / "a", STATE)


def test_a_flipped_bit_in_an_array_is_noticed(tmp_path: Path) -> None:
    write_state(tmp_path / "a", STATE)
    content = bytearray((tmp_path / "a").read_bytes())
    content[-3] ^= 1
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(CheckpointError, match="not those that were written"):
        read_state(tmp_path / "a", STATE)


@pytest.mark.parametrize(
    "head",
    [
        "[" * 10_000 + "]" * 10_000,
        '{"version": ' + "9" * 5_000 + "}",
        '{"version": 1e300}',
        '{"version": -1}',
        '{"version": true}',
        '{"version": "1"}',
        '{"digest": "\\ud800"}',
        '{"digest": 1}',
        '{"about": []}',
        '{"version": 1, "about": {"a": ' + "[" * 10_000 + "]" * 10_000 + "}}",
        "null",
        "",
        "NaN",
        "\x00",
    ],
)
def test_a_hostile_head_gets_a_sentence(head: str, tmp_path: Path) -> None:
    with_head(tmp_path / "a", head)
    with pytest.raises(CheckpointError, match=r"is not a usable checkpoint .* remove it|newer narrowgate"):
        read_state(tmp_path / "a", STATE)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros(3, np.float32), r"F32\(3,\), not float32\(2,\)"),
        (np.zeros(2, np.float64), r"F64\(2,\), not float32\(2,\)"),
        (np.zeros((2, 0), np.float32), r"F32\(2, 0\), not"),
        (np.zeros(2, np.int8), r"I8\(2,\), not"),
    ],
)
def test_arrays_of_other_shapes_or_types_get_a_sentence(values: Any, words: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(save(named(STATE) | {".weights['conv0.bias']": values}))
    with pytest.raises(CheckpointError, match=words):
        read_state(tmp_path / "a", STATE)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 200,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 40_000) + b"[" * 20_000 + b"]" * 20_000,
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[99999999999],"data_offsets":[0,1]}}'[:60],
    ],
)
def test_what_is_no_safetensors_file_gets_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"is not a usable checkpoint .* remove it"):
        read_state(tmp_path / "a", STATE)
    with pytest.raises(CheckpointError, match="is not a usable checkpoint"):
        read_state(tmp_path, STATE)
    with pytest.raises(CheckpointError, match="is not a usable checkpoint"):
        read_state(tmp_path / "nothing", STATE)
