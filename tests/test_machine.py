"""What a user's environment may and may not do to the numbers. Trainings run in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from narrowgate import machine, native
from narrowgate.machine import MachineError

TRAINING = """
import hashlib
import numpy as np
from narrowgate.events import Dataset, Geometry, Split
from narrowgate.network import Configuration
from narrowgate.training import score, train

generator = np.random.default_rng(3)
labels = (np.arange(128) < 64).astype(np.uint8)
split = Split(generator.poisson(2, (128, 4, 4, 1)).astype(np.uint16) + labels[:, None, None, None], labels)
formats = dict.fromkeys(("conv", "dense", "batchnorm"), "(8,2)") | {"activation": "(8,4)"}
configuration = Configuration.parse({
    "network": {"filters": [2], "units": [3], "batch_norm": "hidden", "dropout": 0.1},
    "precision": formats,
    "training": {"epochs": 1, "steps_per_epoch": 4, "batch_size": 32},
})
(trained,) = train([configuration], Dataset(split, split, split, Geometry.uniform(4, 4), name="small"))
arrays = [trained.weights[name] for name in sorted(trained.weights)]
found = [*arrays, score(trained.configuration, trained.weights, split.images), np.float64(trained.curve["loss"])]
print(hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in found)).hexdigest())
"""

WITHOUT_EFFECT = {
    "JAX_ENABLE_X64": "1",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16",
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_ENABLE_CUSTOM_PRNG": "1",
    "JAX_LEGACY_PRNG_KEY": "error",
    "JAX_RANDOM_SEED_OFFSET": "7",
    "JAX_DISABLE_JIT": "1",
    "JAX_DEBUG_NANS": "1",
    "JAX_DEBUG_INFS": "1",
    "XLA_FLAGS": "--xla_force_host_platform_device_count=2 --xla_gpu_autotune_level=0",
}


def digest_under(tmp_path: Path, is_native: bool, **variables: str) -> str:
    script = tmp_path / "training.py"
    script.write_text(TRAINING, encoding="utf-8")
    usual = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_"))}
    environment = usual | {native.SWITCH: "on" if is_native else "off"} | variables
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("is_native", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_switches_for_other_work_leave_every_bit_as_it_is(is_native: bool, tmp_path: Path) -> None:
    if is_native and not native.available():
        pytest.skip(native.why_not())
    assert digest_under(tmp_path, is_native, **WITHOUT_EFFECT) == digest_under(tmp_path, is_native)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_each_switch_alone(name: str, tmp_path: Path) -> None:
    assert digest_under(tmp_path, False, **{name: WITHOUT_EFFECT[name]}) == digest_under(tmp_path, False)


def test_the_caller_s_own_settings_are_as_before() -> None:
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        with machine.own_arithmetic():
            assert jnp.arange(3.0).dtype == jnp.float32
            assert (jnp.arange(3, dtype=jnp.uint8) * jnp.float32(0.5)).dtype == jnp.float32
        assert jnp.arange(3.0).dtype == jnp.float64


@pytest.mark.parametrize(
    "flags",
    [
        "--xla_cpu_enable_fast_math=true",
        "--xla_dump_to=/tmp/x --xla_backend_optimization_level=0",
        "--xla_allow_excess_precision=false",
        "/a/file/with/flags",
        "--no_such_flag",
    ],
)
def test_flags_that_may_change_numbers_are_refused(flags: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that XLA does not know would end the process."""
    monkeypatch.setenv("XLA_FLAGS", flags)
    with pytest.raises(MachineError, match=r"XLA_FLAGS contains .*; allowed are --xla_force_host"):
        machine.check()


def test_flags_that_do_not_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=4 --xla_cpu_max_isa=AVX2 --xla_dump_to=x")
    machine.check()
    assert machine.switches()["XLA_FLAGS"].startswith("--xla_force")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("XLA_FLAGS", "--xla_cpu_fast=1"),
        pytest.param("JAX_DISABLE_MOST_OPTIMIZATIONS", "1", marks=pytest.mark.slow),
        pytest.param("JAX_OPTIMIZATION_LEVEL", "O0", marks=pytest.mark.slow),
    ],
)
def test_a_command_refuses_with_a_sentence(variable: str, value: str, tmp_path: Path) -> None:
    configuration = tmp_path / "c.toml"
    configuration.write_text("", encoding="utf-8")
    command = [sys.executable, "-m", "narrowgate", "train", str(configuration), "--runs", str(tmp_path / "runs")]
    done = subprocess.run(command, env=os.environ | {variable: value}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert variable in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_platform_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    script = "from narrowgate import machine\ntry: machine.device()\nexcept machine.MachineError as error: print(error)"
    environment = os.environ | {"JAX_PLATFORMS": "no-such-platform"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert "JAX_PLATFORMS is 'no-such-platform'; allowed are what is here, and cpu." in done.stdout


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= machine.cores() <= (os.cpu_count() or 1)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS
    assert machine.cores() == os.cpu_count()
