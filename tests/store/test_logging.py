"""Params in batches, on both engines: set once, never changed, and one question whatever their number."""

from __future__ import annotations

import pytest

from trackside.blobs.folder import FolderStore
from trackside.config import ServerSettings
from trackside.core import experiments, logging, runs
from trackside.core.app import App
from trackside.errors import InvalidParameter

LARGEST_BATCH = 100


@pytest.fixture
def app(db, tmp_path, run):
    made = App(ServerSettings(data_dir=tmp_path), db, FolderStore(tmp_path / "artifacts"))
    run(experiments.create_default(made))
    return made


@pytest.fixture
def uuid(app, run):
    return run(runs.create(app, runs.NewRun("0"))).info.uuid


def log(app, run, uuid, params):
    run(logging.log_batch(app, uuid, logging.Batch(params=list(params.items()))))


def logged(app, run, uuid):
    return dict(run(runs.get(app, uuid)).params)


def test_a_batch_may_repeat_what_is_logged_and_add_to_it(app, run, uuid):
    first = {f"p/{i} ä.-": f"'{i}'" for i in range(LARGEST_BATCH)}
    log(app, run, uuid, first)
    again = {"new": "", "p/3 ä.-": "'3'"}
    log(app, run, uuid, again)
    log(app, run, uuid, again)
    assert logged(app, run, uuid) == first | again


def test_changed_params_are_named_in_the_batchs_order_and_nothing_is_stored(app, run, uuid):
    log(app, run, uuid, {"a": "1", "b": "", "c": "3"})
    with pytest.raises(InvalidParameter) as refused:
        log(app, run, uuid, {"z": "new", "c": "4", "a": "1", "b": "2"})
    assert refused.value.message == (
        "Changing param values is not allowed. Params were already logged='"
        "[{'key': 'c', 'old_value': '3', 'new_value': '4'}, {'key': 'b', 'old_value': '', 'new_value': '2'}]"
        f"' for run ID='{uuid}'."
    )
    assert logged(app, run, uuid) == {"a": "1", "b": "", "c": "3"}


def test_params_of_another_run_do_not_count(app, run, uuid):
    other = run(runs.create(app, runs.NewRun("0"))).info.uuid
    log(app, run, other, {"lr": "1"})
    log(app, run, uuid, {"lr": "2"})
    assert (logged(app, run, other), logged(app, run, uuid)) == ({"lr": "1"}, {"lr": "2"})


@pytest.mark.parametrize("count", [1, LARGEST_BATCH])
def test_a_batch_asks_once(app, run, uuid, count):
    asked = []

    class Counting:
        def __init__(self, tx):
            self._tx = tx

        async def all(self, query, **values):
            asked.append(query)
            return await self._tx.all(query, **values)

        async def many(self, query, rows):
            await self._tx.many(query, rows)

    async def job(tx):
        await logging._add_params(
            Counting(tx), await runs.active_row_of(tx, uuid), {f"p{i}": "1" for i in range(count)}
        )

    run(app.db.write(job, runs=(uuid,)))
    assert asked == ["params_of_run"]
    assert len(logged(app, run, uuid)) == count
