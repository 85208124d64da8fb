"""What a metric's name says about its best value."""

from __future__ import annotations

import pytest

from trackside.notebook.best import best_by_name

LESS = (
    "loss val_loss train/loss valLoss MSELoss loss2 word_error error_rate err val-mae rmse eval.wer cer fid perplexity "
    "latency_ms p99_latency epoch_time score_time fit_seconds data_wait_percentage loss_per_token time_per_step "
    "errors_per_second"
)
MORE = (
    "accuracy val_accuracy valAcc top5_acc f1 F1_macro R2 mIoU mAP50 recall@10 bleu images_per_s tokens_per_second "
    "speedup episode_reward neg_mean_squared_error neg_log_loss"
)
NEITHER = "timesteps uptime timestamp weight swift fiddle terror merry num_tokens learning_rate lr epoch 7 per \u00e4"


@pytest.mark.parametrize("name", LESS.split())
def test_less_is_better(name: str) -> None:
    assert best_by_name(name) == "min"


@pytest.mark.parametrize("name", MORE.split())
def test_more_is_better(name: str) -> None:
    assert best_by_name(name) == "max"


@pytest.mark.parametrize("name", NEITHER.split())
def test_nothing_is_guessed(name: str) -> None:
    assert best_by_name(name) is None
