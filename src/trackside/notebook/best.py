"""Which of a metric's values is the best: read from its name, where that says so."""

from __future__ import annotations

import re
from typing import Literal

Best = Literal["max", "min"]

_LESS = frozenset((
    "loss", "losses", "logloss", "nll", "bce", "kl", "divergence", "distance", "cost", "regret", "perplexity", "ppl",
    "error", "errors", "err", "mae", "mse", "rmse", "rmsle", "mape", "smape", "brier", "ece", "wer", "cer", "ter",
    "eer", "fid", "fpr", "fnr", "lpips", "latency", "lag", "delay", "wait", "waiting", "waited", "time", "runtime",
    "walltime", "duration", "elapsed", "seconds", "secs", "milliseconds", "ms", "minutes", "hours",
))  # fmt: skip
_MORE = frozenset((
    "accuracy", "acc", "precision", "recall", "sensitivity", "specificity", "tpr", "tnr", "f1", "fbeta", "auc", "auroc",
    "auprc", "ap", "map", "mar", "iou", "miou", "dice", "jaccard", "kappa", "mcc", "score", "correct", "hits", "bleu",
    "rouge", "meteor", "ndcg", "mrr", "r2", "psnr", "ssim", "reward", "rewards", "throughput", "speed", "speedup", "fps",
))  # fmt: skip
_OF_TIME = frozenset(["s", "sec", "second", "seconds", "min", "minute", "hour"])
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")


def best_by_name(metric: str) -> Best | None:
    """Whether the greatest or the least value is the best; None where the name does not say.

    The last word that says something counts: `score_time` is a time. Scores that are losses with their sign
    turned (`neg_mean_squared_error`) are the better the greater.
    """
    words = _words(metric)
    if "per" in words:  # a loss per token is a loss; what is none, such as images, is a rate
        place = words.index("per")
        is_rate = not _OF_TIME.isdisjoint(words[place + 1 : place + 2])
        return _said(words[:place]) or ("max" if is_rate else None)
    return _said(words)


def _said(words: list[str]) -> Best | None:
    for word in reversed(words):
        if word in _LESS:
            return "max" if words[0] == "neg" else "min"
        if word in _MORE:
            return "min" if words[0] == "neg" else "max"
    return None


def _words(metric: str) -> list[str]:
    """In small letters; `valLoss2` is val, loss. What is one word whole (mIoU) is not divided by its capitals."""
    found: list[str] = []
    for part in re.split(r"[^A-Za-z0-9]+", metric):
        whole = _plain(part)
        found += [whole] if whole in _LESS | _MORE else [_plain(word) for word in _WORD.findall(part)]
    return found


def _plain(word: str) -> str:
    """In small letters, without a number at its end that makes it no other word (f1, r2 are words)."""
    word = word.lower()
    return word if word in _MORE else word.rstrip("0123456789") or word
