"""How SQLite walks the store: the first page must not cost more as an experiment grows."""

from __future__ import annotations

import pytest
from filter_store import ENGINE, Store, count_runs, search_runs

from trackside.filters import search_logged_models

pytestmark = pytest.mark.skipif(ENGINE != "sqlite", reason="plans as SQLite tells them")


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


def plan_of_runs(store: Store, **given) -> list[str]:
    return store.plan(search_runs("sqlite", **({"experiment_ids": [1], "limit": 100} | given)))


WALK = "SEARCH run USING INDEX run_by_start (experiment_id=? AND lifecycle=?)"


@pytest.mark.parametrize("order_by", [[], ["start_time DESC"], ["attributes.created DESC"]])
@pytest.mark.parametrize("view", ["active", "deleted"])
def test_the_default_order_is_an_index_walk(store: Store, order_by: list[str], view) -> None:
    assert plan_of_runs(store, order_by=order_by, view=view) == [WALK]


@pytest.mark.parametrize(
    ("text", "lookup"),
    [
        ("metrics.loss < 1", "SEARCH t USING PRIMARY KEY (run_id=? AND key_id=?)"),
        ("params.lr = '1'", "SEARCH t USING PRIMARY KEY (run_id=? AND key=?)"),
        ("tags.a LIKE 'x%'", "SEARCH t USING PRIMARY KEY (run_id=? AND key=?)"),
        ("tags.a IS NULL", "SEARCH t USING PRIMARY KEY (run_id=? AND key=?)"),
        ("num(params.lr) < 1", "SEARCH t USING PRIMARY KEY (run_id=? AND key=?)"),
        (
            "dataset.name = 'x'",
            "SEARCH t USING COVERING INDEX sqlite_autoindex_run_dataset_1 (run_id=?)",
        ),
        ("dataset.context = 'x'", "SEARCH t_tag USING PRIMARY KEY (run_dataset_id=? AND key=?)"),
    ],
)
def test_a_filter_looks_up_each_run_by_primary_key(store: Store, text: str, lookup: str) -> None:
    plan = plan_of_runs(store, filter=text)
    assert plan[0] == WALK
    assert lookup in plan
    assert not [step for step in plan if step.startswith(("SCAN", "USE TEMP"))]


@pytest.mark.parametrize(
    ("order_by", "lookup"),
    [
        (["metrics.loss"], "SEARCH sort_0 USING PRIMARY KEY (run_id=? AND key_id=?) LEFT-JOIN"),
        (["params.lr DESC"], "SEARCH sort_0 USING PRIMARY KEY (run_id=? AND key=?) LEFT-JOIN"),
        (["num(tags.a)"], "SEARCH sort_0 USING PRIMARY KEY (run_id=? AND key=?) LEFT-JOIN"),
    ],
)
def test_an_order_looks_up_each_run_by_primary_key(store: Store, order_by: list[str], lookup: str) -> None:
    plan = plan_of_runs(store, order_by=order_by)
    assert plan[0] == WALK
    assert lookup in plan


def test_runs_are_found_by_id(store: Store) -> None:
    assert any("(uuid=?)" in step for step in plan_of_runs(store, filter="run_id = 'x'"))


def test_counting_reads_the_index_alone(store: Store) -> None:
    plan = store.plan(count_runs("sqlite", experiment_ids=[1], at_most=1000))
    assert any("USING COVERING INDEX run_by_start" in step for step in plan)


def test_logged_models_by_default_are_an_index_walk(store: Store) -> None:
    plan = store.plan(search_logged_models("sqlite", experiment_ids=[1], limit=100))
    assert plan == [
        "SEARCH logged_model USING INDEX logged_model_by_experiment (experiment_id=? AND lifecycle=?)"
    ]
