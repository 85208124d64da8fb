"""MLflow's rules for metric points as plain Python (its table's primary key and orderings), and points to try them on."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from trackside.model import LARGEST, Point

values = st.one_of(
    st.floats(width=64),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, LARGEST]),
)
points = st.builds(
    Point,
    key=st.sampled_from(["loss", "acc", "system/cpu"]),
    step=st.one_of(st.integers(-3, 3), st.sampled_from([2**63 - 1, -(2**63)])),
    timestamp_ms=st.integers(0, 3),
    value=values,
)


def compared(value):
    """NaN counts as 0, infinities as the largest double."""
    return 0.0 if math.isnan(value) else max(-LARGEST, min(LARGEST, value))


def model_history(logged, key):
    unique = {}
    for p in logged:
        if p.key == key:
            unique.setdefault((p.timestamp_ms, p.step, compared(p.value), math.isnan(p.value)), p)
    return [unique[identity] for identity in sorted(unique)]


def model_latest(logged, key):
    best = None
    for p in logged:
        if p.key == key and (best is None or order(p) > order(best)):
            best = p
    return best


def order(p):
    return p.step, p.timestamp_ms, compared(p.value)


def same(a, b):
    return compared(a) == compared(b) and math.isnan(a) == math.isnan(b)


def make_run(db, run, uuid="r"):
    """The number of a new run."""

    async def job(tx):
        await tx.run("add_default_experiment", artifact_location="x", now_ms=1)
        row = await tx.insert(
            "add_run", uuid=uuid, experiment_id=0, name="n", user_id="", start_ms=0, artifact_uri="x"
        )
        return row["id"]

    return run(db.write(job))
