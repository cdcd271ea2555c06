"""The caution about early losses with batch norm."""

import pytest

from narrowgate.study import Study
from narrowgate.study.run._batch_norm_caution import batch_norm_caution

from .small_study import TEXT


def study(
    batch_norm: str = "hidden", ranking: str = 'kind = "best-epoch"', smallest: int = 40, largest: int = 160
) -> Study:
    text = TEXT.replace("[fixed.network]\n", f'[fixed.network]\nbatch_norm = "{batch_norm}"\n')
    text = text.replace("smallest = 40", f"smallest = {smallest}").replace("largest = 160", f"largest = {largest}")
    text = text.replace("seeds = [1, 1, 2]\n", "").replace('measure = "efficiency"\n', "")
    return Study.parse(text.replace("[ranking]\n", f"[ranking]\n{ranking}\n"))


@pytest.mark.parametrize(
    "ranking", ['kind = "best-epoch"', 'early_measure = "loss"', 'measure = "loss"\nearly_measure = "loss"']
)
def test_early_losses_with_batch_norm_earn_a_caution(ranking: str) -> None:
    sentence = batch_norm_caution(study(ranking=ranking))
    assert "the rung at 40 steps ranks by the loss" in sentence
    assert "67%" in sentence  # 0.99^40
    assert "'near-auc'" in sentence


def test_without_batch_norm_there_is_none() -> None:
    assert not batch_norm_caution(study(batch_norm="off"))


def test_near_auc_earns_none() -> None:
    assert not batch_norm_caution(study(ranking='early_measure = "near-auc"'))


def test_late_losses_earn_none() -> None:
    """0.99^300 is 4.9 %."""
    assert not batch_norm_caution(study(smallest=300, largest=1200))
    assert batch_norm_caution(study(smallest=280, largest=1120))


def test_batch_norm_may_be_searched() -> None:
    searched = '[space.norm]\nsets = "network.batch_norm"\nchoices = ["off", "all"]\n\n[strategy]'
    text = TEXT.replace("[strategy]", searched).replace("[ranking]\n", '[ranking]\nearly_measure = "loss"\n')
    assert batch_norm_caution(Study.parse(text))
