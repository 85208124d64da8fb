"""Searches for experiments, registered models, versions and logged models on a store."""

from __future__ import annotations

import math

import pytest
from filter_store import ENGINE, Store

from trackside.errors import InvalidParameter
from trackside.filters import (
    DatasetFilter,
    ModelOrder,
    search_experiments,
    search_logged_models,
    search_model_versions,
    search_registered_models,
)

NAN = math.nan

# --- experiments


@pytest.fixture(scope="module")
def experiments() -> Store:
    store = Store()
    store.experiment(0, "Default", created_ms=1, updated_ms=9)
    store.experiment(1, "food", created_ms=3, updated_ms=3, tags={"team": "ann"})
    store.experiment(2, "Food 2", created_ms=3, updated_ms=4, tags={"team": "bob"})
    store.experiment(3, "old", created_ms=2, updated_ms=2, lifecycle="deleted")
    return store


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [1, 2, 0]),
        ({"view": "all"}, [1, 2, 3, 0]),
        ({"view": "deleted"}, [3]),
        ({"filter": "name LIKE 'food%'"}, [1]),
        ({"filter": "attribute.name ILIKE 'food%'"}, [1, 2]),
        ({"filter": "name IN ('food', 'old')"}, [1]),
        ({"filter": "tags.team != 'ann'"}, [2]),
        ({"filter": "tag.team IS NULL"}, [0]),
        ({"filter": "creation_time >= 3 AND last_update_time < 4"}, [1]),
        ({"filter": "experiment_id IN ('1', '2') AND experiment_id != '1'"}, [2]),
        ({"filter": "experiment_id = '99999999999999999999'"}, []),
        ({"filter": "name = 'food' OR NOT tags.team IS NOT NULL"}, [1, 0]),
        ({"order_by": ["name"]}, [0, 2, 1]),
        ({"order_by": ["creation_time"]}, [0, 2, 1]),
        ({"order_by": ["name", "name DESC"]}, [0, 2, 1]),  # as MLflow: for experiments no error
        ({"order_by": ["creation_time DESC", "experiment_id ASC"]}, [1, 2, 0]),
        ({"order_by": ["last_update_time DESC"]}, [0, 2, 1]),
        ({"order_by": ["name"], "limit": 1, "offset": 1}, [2]),
    ],
)
def test_experiments(experiments: Store, given: dict, expected: list[int]) -> None:
    assert experiments.column(search_experiments(ENGINE, **({"limit": 100} | given)), "id") == expected


def test_experiments_have_no_order_by_tag() -> None:
    with pytest.raises(InvalidParameter, match="Invalid order_by entity: tag"):
        search_experiments(ENGINE, order_by=["tags.a"], limit=1)


# --- the registry

PROMPT = "mlflow.prompt.is_prompt"


@pytest.fixture(scope="module")
def registry() -> Store:
    store = Store()
    food = store.model("food", updated_ms=5, tags={"team": "ann"})
    store.version(food, 1, updated_ms=1, source="s3://b/1", run_uuid="r1", tags={"state": "old"})
    store.version(food, 2, updated_ms=3, source="s3://b/2")
    toys = store.model("Toys", updated_ms=7)
    store.version(toys, 1, updated_ms=3, run_uuid="r2", created_ms=9)
    hello = store.model("hello", updated_ms=6, tags={PROMPT: "true"})
    store.version(hello, 1, updated_ms=9, tags={PROMPT: "true"})
    store.version(hello, 2, updated_ms=8)
    return store


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "Toys food"),
        ({"filter": "name ILIKE '%O%'"}, "Toys food"),
        ({"filter": "name IN ('food', 'hello')"}, "food"),
        ({"filter": "tags.team = 'ann'"}, "food"),
        ({"filter": "tags.team IS NULL"}, "Toys"),
        ({"filter": f"tags.`{PROMPT}` = 'true'"}, "hello"),
        ({"filter": f"tags.`{PROMPT}` = 'True'"}, ""),
        ({"filter": f"tags.`{PROMPT}` != 'false'"}, "hello"),
        ({"filter": f"tags.`{PROMPT}` != 'true'"}, "Toys food"),
        ({"filter": f"tags.`{PROMPT}` = 'false' AND name = 'food'"}, "food"),
        ({"filter": f"tags.`{PROMPT}` = 'true' OR name = 'food'"}, "food hello"),
        ({"order_by": ["name DESC"]}, "food Toys"),
        ({"order_by": ["timestamp"]}, "food Toys"),
        ({"order_by": ["last_updated_timestamp DESC"]}, "Toys food"),
    ],
)
def test_registered_models(registry: Store, given: dict, expected: str) -> None:
    statement = search_registered_models(ENGINE, **({"limit": 100} | given))
    assert " ".join(registry.column(statement, "name")) == expected


@pytest.mark.parametrize(
    ("order_by", "message"),
    [
        (
            ["foo"],
            "Invalid order by key 'foo' specified. Valid keys are '{'last_updated_timestamp', 'name', 'timestamp'}'",
        ),
        (["timestamp", "last_updated_timestamp"], "`order_by` contains duplicate fields"),
    ],
)
def test_orders_of_models_that_are_refused(order_by: list[str], message: str) -> None:
    with pytest.raises(InvalidParameter) as error:
        search_registered_models(ENGINE, order_by=order_by, limit=1)
    assert error.value.message.startswith(message)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "Toys/1 food/2 food/1"),
        ({"filter": "name = 'food'"}, "food/2 food/1"),
        ({"filter": "run_id = 'r1'"}, "food/1"),
        ({"filter": "run_id IN ('r1', 'r2')"}, "Toys/1 food/1"),
        ({"filter": "run_id != 'r1'"}, "Toys/1 food/2"),
        ({"filter": "run_id IS NULL"}, "food/2"),
        ({"filter": "version_number > 1"}, "food/2"),
        ({"filter": "version_number = '1' AND name = 'food'"}, "food/1"),
        ({"filter": "source_path LIKE 's3://%'"}, "food/2 food/1"),
        ({"filter": "tags.state = 'old'"}, "food/1"),
        ({"filter": f"tags.`{PROMPT}` = 'true'"}, "hello/1"),
        ({"filter": f"tags.`{PROMPT}` != 'true' AND version_number = 1"}, "Toys/1 food/1"),
        ({"order_by": ["version_number"]}, "Toys/1 food/1 food/2"),
        ({"order_by": ["name DESC"]}, "food/2 food/1 Toys/1"),
        ({"order_by": ["creation_timestamp"]}, "food/2 food/1 Toys/1"),
        ({"order_by": ["last_updated_timestamp", "version_number"]}, "food/1 Toys/1 food/2"),
        ({"limit": 1, "offset": 1}, "food/2"),
    ],
)
def test_model_versions(registry: Store, given: dict, expected: str) -> None:
    rows = registry.rows(search_model_versions(ENGINE, **({"limit": 100} | given)))
    assert " ".join(f"{row['name']}/{row['version']}" for row in rows) == expected


# --- logged models


@pytest.fixture(scope="module")
def logged() -> Store:
    store = Store()
    store.experiment(1)
    store.experiment(2)
    store.logged_model(
        "m-a",
        name="net",
        created_ms=3,
        params={"lr": "0.1"},
        tags={"team": "ann"},
        source_run_uuid="r1",
        metrics=[("acc", 0.9, 1, "food", "d1"), ("acc", 0.2, 2, "toys", "d2"), ("f1", 0.5, 1, None, None)],
    )
    store.logged_model(
        "m-b",
        name="net",
        created_ms=2,
        model_type="agent",
        status="PENDING",
        metrics=[("acc", 0.5, 1, "food", "d3")],
    )
    store.logged_model("m-c", name="tree", created_ms=1, metrics=[("acc", NAN, 1, "toys", "d2")])
    store.logged_model("m-gone", created_ms=9, lifecycle="deleted")
    store.logged_model("m-other", experiment=2, created_ms=8)
    return store


FOOD, FOOD_1, TOYS = DatasetFilter("food"), DatasetFilter("food", "d1"), DatasetFilter("toys")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "m-a m-b m-c"),
        ({"experiment_ids": [1, 2]}, "m-other m-a m-b m-c"),
        ({"filter": "name = 'net'"}, "m-a m-b"),
        ({"filter": "name = net"}, "m-a m-b"),
        ({"filter": "params.lr = 0.1"}, "m-a"),
        ({"filter": "attributes.model_id IN ('m-b', 'm-c')"}, "m-b m-c"),
        ({"filter": "status = 'READY' AND creation_timestamp <= 2.5"}, "m-c"),
        ({"filter": "model_type != 'x'"}, "m-a m-b m-c"),
        ({"filter": "source_run_id IS NULL AND tags.team IS NULL"}, "m-b m-c"),
        # any value of the metric, not only the latest
        ({"filter": "metrics.acc > 0.6"}, "m-a"),
        ({"filter": "metrics.acc < 0.6"}, "m-a m-b"),
        ({"filter": "metrics.acc != 0.5"}, "m-a m-c"),
        ({"filter": "metrics.acc < 0.6", "datasets": [FOOD]}, "m-b"),
        ({"filter": "metrics.acc > 0", "datasets": [FOOD_1, TOYS]}, "m-a"),
        ({"datasets": [FOOD]}, "m-a m-b"),
        ({"datasets": [FOOD_1, TOYS]}, "m-a m-c"),
        ({"filter": "name = 'net'", "datasets": [TOYS]}, "m-a"),
        ({"order_by": [ModelOrder("name", ascending=False)]}, "m-c m-a m-b"),
        ({"order_by": [ModelOrder("creation_timestamp")]}, "m-c m-b m-a"),
        ({"order_by": [ModelOrder("model_type")]}, "m-a m-c m-b"),
        # by the latest value; NaN, then missing, last
        ({"order_by": [ModelOrder("metrics.acc", ascending=False)]}, "m-b m-a m-c"),
        ({"order_by": [ModelOrder("metrics.acc", ascending=False, dataset_name="food")]}, "m-a m-b m-c"),
        (
            {
                "order_by": [
                    ModelOrder("metrics.acc", dataset_name="toys", dataset_digest="d2"),
                    ModelOrder("model_id"),
                ]
            },
            "m-a m-c m-b",
        ),
        ({"limit": 1, "offset": 1}, "m-b"),
    ],
)
def test_logged_models(logged: Store, given: dict, expected: str) -> None:
    statement = search_logged_models(ENGINE, **({"experiment_ids": [1], "limit": 100} | given))
    assert " ".join(logged.column(statement, "uuid")) == expected


@pytest.mark.parametrize(
    ("field_name", "message"),
    [
        ("nothing", "Invalid order by field name: nothing"),
        ("params.lr", "Invalid order by field name: params.lr. Only metrics are supported."),
        ("metrics.\0", "A filter must not have NUL characters or unpaired surrogates."),
    ],
)
def test_orders_of_logged_models_that_are_refused(field_name: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as error:
        search_logged_models(ENGINE, experiment_ids=[1], order_by=[ModelOrder(field_name)], limit=1)
    assert error.value.message == message
