"""Operations in any order, made up by Hypothesis, on both servers: after each, and at the end, the same answers."""

from typing import Any

import hypothesis
import pytest
from asks import Ask, delete, get, patch, post
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from made_up import IS_LONG, made_up, seed_of, told
from pair import Pair, changes, unique

machines = made_up(240 if IS_LONG else 12)

keys = st.sampled_from(["a", "b", "c/d", "e f"])
words = st.sampled_from(["", "x", "Y", "x%", "1", "0.5", "好"])
numbers = st.sampled_from([0, 1, -1, 0.5, 1e300, "NaN", "Infinity", "-Infinity"])
steps = st.sampled_from([0, 1, 2, -1, 2**40])
times = st.sampled_from([0, 1, 2, 1_700_000_000_000])
pairs = st.lists(st.builds(lambda key, value: {"key": key, "value": value}, keys, words), max_size=3)
points = st.builds(
    lambda key, value, step, time: {"key": key, "value": value, "step": step, "timestamp": time},
    *(keys, numbers, steps, times),
)


class Machine(RuleBasedStateMachine):
    """Asks both; what only one of them took ends the example."""

    area = "machines"

    def __init__(self, both: Pair, seed: int | None) -> None:
        super().__init__()
        self.pair = both.in_area(self.area)
        self.seed = seed
        self.count = 0
        self.parted = False

    def ask(self, ask: Ask) -> bool:
        """Whether both took it."""
        if self.parted:
            return False
        self.parted = True  # after a difference teardown has no more to ask
        with told(self.pair, self.seed):
            theirs, ours = self.pair.ask(ask)
        self.parted = changes(ask) and (theirs.status < 300) != (ours.status < 300)
        return theirs.status < 300 and ours.status < 300

    def name(self, prefix: str, index: int) -> str:
        """The placeholder of one that was made; of the first when there are fewer."""
        return "{" + prefix + str(index % max(self.count, 1)) + "}"


runs = st.integers(0, 5)
RUN_FILTERS = ["", "metrics.a > 0", "metrics.a <= 1 AND params.b = 'x'", "tags.a LIKE 'x%'", "params.a IS NULL", "status = 'FINISHED'", "run_name != 'x'", "end_time > 1"]  # fmt: skip
RUN_ORDERS = [["start_time"], ["metrics.a", "start_time"], ["metrics.a DESC", "start_time"], ["params.a DESC", "start_time"], ["tags.b", "start_time DESC"], ["status", "start_time"], []]  # fmt: skip


class Runs(Machine):
    """Experiments, runs, metrics, params and tags."""

    @initialize()
    def begin(self) -> None:
        self.ask(post("experiments/create", {"name": unique("machine")}, experiment="experiment_id"))
        self.create("x", [])

    @rule(name=words, tags=pairs)
    def create(self, name: str, tags: list[dict[str, str]]) -> None:
        tags = list({tag["key"]: tag for tag in tags}.values())
        body = {"experiment_id": "{experiment}", "run_name": name, "start_time": self.count + 1, "tags": tags}
        if self.ask(Ask("POST", "runs/create", body, keep={f"run{self.count}": "run.info.run_id"})):
            self.count += 1

    @rule(run=runs, point=points)
    def log_metric(self, run: int, point: dict[str, Any]) -> None:
        self.ask(post("runs/log-metric", {"run_id": self.name("run", run), **point}))

    @rule(run=runs, metrics=st.lists(points, max_size=5), params=pairs, tags=pairs)
    def log_batch(self, run: int, metrics: list[Any], params: list[Any], tags: list[Any]) -> None:
        batch = {"run_id": self.name("run", run), "metrics": metrics, "params": params, "tags": tags}
        self.ask(post("runs/log-batch", batch))

    @rule(run=runs, key=keys, value=words)
    def log_param(self, run: int, key: str, value: str) -> None:
        self.ask(post("runs/log-parameter", {"run_id": self.name("run", run), "key": key, "value": value}))

    @rule(run=runs, key=keys | st.just("mlflow.runName"), value=words)
    def set_tag(self, run: int, key: str, value: str) -> None:
        self.ask(post("runs/set-tag", {"run_id": self.name("run", run), "key": key, "value": value}))

    @rule(run=runs, key=keys)
    def delete_tag(self, run: int, key: str) -> None:
        self.ask(post("runs/delete-tag", {"run_id": self.name("run", run), "key": key}))

    @rule(run=runs, status=st.sampled_from(["RUNNING", "FINISHED", "FAILED", "KILLED", "BOGUS", None]), end=times | st.none(), name=words | st.none())  # fmt: skip
    def update(self, run: int, status: str | None, end: int | None, name: str | None) -> None:
        fields = {"status": status, "end_time": end, "run_name": name}
        given = {key: value for key, value in fields.items() if value is not None}
        self.ask(post("runs/update", {"run_id": self.name("run", run), **given}))

    @rule(run=runs, what=st.sampled_from(["delete", "restore"]))
    def change_life(self, run: int, what: str) -> None:
        self.ask(post(f"runs/{what}", {"run_id": self.name("run", run)}))

    @rule(what=st.sampled_from(["delete", "restore", "restore"]))
    def change_life_of_experiment(self, what: str) -> None:
        self.ask(post(f"experiments/{what}", {"experiment_id": "{experiment}"}))
        self.ask(get("experiments/get", {"experiment_id": "{experiment}"}))

    @rule(run=runs, key=keys, limit=st.sampled_from([None, 1, 2, 100]))
    def history(self, run: int, key: str, limit: int | None) -> None:
        query = {"run_id": self.name("run", run), "metric_key": key}
        self.ask(get("metrics/get-history", {**query, **({} if limit is None else {"max_results": limit})}))

    @rule(text=st.sampled_from(RUN_FILTERS), order=st.sampled_from(RUN_ORDERS), view=st.sampled_from(["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]), limit=st.sampled_from([1, 3, 1000]))  # fmt: skip
    def search(self, text: str, order: list[str], view: str, limit: int) -> None:
        wanted = {"filter": text, "order_by": order, "run_view_type": view, "max_results": limit}
        self.ask(post("runs/search", {"experiment_ids": ["{experiment}"], **wanted}))

    def teardown(self) -> None:
        for index in range(self.count):
            self.ask(get("runs/get", {"run_id": self.name("run", index)}))


models = st.sampled_from(["{m} one", "{m} two", "{m} three"])
versions = st.sampled_from(["1", "2", "3", "9"])
aliases = st.sampled_from(["best", "A-1", "latest"])


class Registry(Machine):
    """Registered models and versions."""

    @initialize()
    def begin(self) -> None:
        self.pair = self.pair.scene(m=unique("machine"))
        self.ask(post("runs/create", {"experiment_id": "0", "run_name": "x"}, run="run.info.run_id"))

    @rule(name=models, tags=pairs, description=words)
    def create(self, name: str, tags: list[dict[str, str]], description: str) -> None:
        tags = list({tag["key"]: tag for tag in tags}.values())
        self.ask(post("registered-models/create", {"name": name, "tags": tags, "description": description}))

    @rule(name=models, of_run=st.booleans(), tags=pairs)
    def create_version(self, name: str, of_run: bool, tags: list[dict[str, str]]) -> None:
        where = {"source": "runs:/{run}/m", "run_id": "{run}"} if of_run else {"source": "s3://b/m"}
        tags = list({tag["key"]: tag for tag in tags}.values())
        self.ask(post("model-versions/create", {"name": name, "tags": tags, **where}))

    @rule(name=models, new_name=models)
    def rename(self, name: str, new_name: str) -> None:
        self.ask(post("registered-models/rename", {"name": name, "new_name": new_name}))

    @rule(name=models, text=words)
    def describe(self, name: str, text: str) -> None:
        self.ask(patch("registered-models/update", {"name": name, "description": text}))

    @rule(name=models, number=versions, text=words)
    def describe_version(self, name: str, number: str, text: str) -> None:
        self.ask(patch("model-versions/update", {"name": name, "version": number, "description": text}))

    @rule(name=models, key=keys, value=words)
    def set_tag(self, name: str, key: str, value: str) -> None:
        self.ask(post("registered-models/set-tag", {"name": name, "key": key, "value": value}))

    @rule(name=models, number=versions, key=keys, value=words)
    def set_version_tag(self, name: str, number: str, key: str, value: str) -> None:
        tag = {"key": key, "value": value}
        self.ask(post("model-versions/set-tag", {"name": name, "version": number, **tag}))

    @rule(name=models, number=versions, key=keys)
    def delete_tags(self, name: str, number: str, key: str) -> None:
        self.ask(delete("registered-models/delete-tag", {"name": name, "key": key}))
        self.ask(delete("model-versions/delete-tag", {"name": name, "version": number, "key": key}))

    @rule(name=models, number=versions, stage=st.sampled_from(["None", "staging", "Production", "Archived"]), archive=st.booleans())  # fmt: skip
    def move(self, name: str, number: str, stage: str, archive: bool) -> None:
        archive = archive and stage in ("staging", "Production")
        fields = {"stage": stage, "archive_existing_versions": archive}
        self.ask(post("model-versions/transition-stage", {"name": name, "version": number, **fields}))

    @rule(name=models, alias=aliases, number=versions)
    def set_alias(self, name: str, alias: str, number: str) -> None:
        self.ask(post("registered-models/alias", {"name": name, "alias": alias, "version": number}))
        self.ask(get("registered-models/alias", {"name": name, "alias": alias}))

    @rule(name=models, alias=aliases)
    def delete_alias(self, name: str, alias: str) -> None:
        self.ask(delete("registered-models/alias", {"name": name, "alias": alias}))

    @rule(name=models, number=versions)
    def delete_version(self, name: str, number: str) -> None:
        self.ask(delete("model-versions/delete", {"name": name, "version": number}))

    @rule(name=models, sure=st.integers(0, 3))
    def delete(self, name: str, sure: int) -> None:
        if sure == 0:
            self.ask(delete("registered-models/delete", {"name": name}))

    @rule(text=st.sampled_from(["", " AND tags.a = 'x'", " AND tags.b LIKE 'x%'", " AND tags.a != 'x'"]))
    def search(self, text: str) -> None:
        wanted = "name LIKE '{m}%'" + text
        self.ask(get("registered-models/search", {"filter": wanted, "order_by": "name"}))
        orders = [("filter", wanted), ("order_by", "name"), ("order_by", "version_number DESC")]
        self.ask(get("model-versions/search", orders))

    @rule(name=models, number=versions)
    def read(self, name: str, number: str) -> None:
        self.ask(get("registered-models/get", {"name": name}))
        self.ask(get("model-versions/get", {"name": name, "version": number}))
        self.ask(post("registered-models/get-latest-versions", {"name": name}))
        self.ask(get("model-versions/get-download-uri", {"name": name, "version": number}))

    def teardown(self) -> None:
        for name in ("{m} one", "{m} two", "{m} three"):
            self.ask(get("registered-models/get", {"name": name}))


MODEL_FILTERS = ["", "name = 'x1'", "params.a = 'x'", "tags.a LIKE 'x%'", "metrics.a > 0", "metrics.a != 1 AND name != 'x0'", "tags.b != 'Y'"]  # fmt: skip
MODEL_ORDERS = [[{"field_name": "name"}], [{"field_name": "name", "ascending": False}], [{"field_name": "metrics.a"}, {"field_name": "name"}], [{"field_name": "metrics.b", "ascending": False}, {"field_name": "name"}]]  # fmt: skip
finite = st.sampled_from([0, 1, -1, 0.5, 1e300])


class Logged(Machine):
    """Logged models, and the runs that make and read them."""

    @initialize()
    def begin(self) -> None:
        self.ask(post("experiments/create", {"name": unique("machine")}, experiment="experiment_id"))
        run = {"experiment_id": "{experiment}", "run_name": "x"}
        self.ask(post("runs/create", run, run="run.info.run_id"))
        self.create(True, [], [])

    @rule(of_run=st.booleans(), params=pairs, tags=pairs)
    def create(self, of_run: bool, params: list[Any], tags: list[Any]) -> None:
        tags = list({tag["key"]: tag for tag in tags}.values())
        body = {"experiment_id": "{experiment}", "name": f"x{self.count}", "params": params, "tags": tags}
        body |= {"source_run_id": "{run}"} if of_run else {}
        if self.ask(Ask("POST", "logged-models", body, keep={f"model{self.count}": "model.info.model_id"})):
            self.count += 1

    @rule(model=runs, status=st.sampled_from(["LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"]))
    def finalize(self, model: int, status: str) -> None:
        one = self.name("model", model)
        self.ask(patch(f"logged-models/{one}", {"model_id": one, "status": status}))

    @rule(model=runs, tags=pairs)
    def set_tags(self, model: int, tags: list[Any]) -> None:
        one = self.name("model", model)
        self.ask(patch(f"logged-models/{one}/tags", {"model_id": one, "tags": tags}))

    @rule(model=runs, key=st.sampled_from(["a", "b"]))
    def delete_tag(self, model: int, key: str) -> None:
        self.ask(delete(f"logged-models/{self.name('model', model)}/tags/{key}"))

    @rule(model=runs, params=pairs)
    def log_params(self, model: int, params: list[Any]) -> None:
        one = self.name("model", model)
        self.ask(post(f"logged-models/{one}/params", {"model_id": one, "params": params}))

    @rule(model=runs, key=keys, value=finite, step=steps, time=times, on=st.sampled_from([None, "food"]))
    def log_metric(self, model: int, key: str, value: float, step: int, time: int, on: str | None) -> None:
        dataset = {"dataset_name": on, "dataset_digest": "d"} if on else {}
        point = {"key": key, "value": value, "step": step, "timestamp": time, **dataset}
        self.ask(post("runs/log-metric", {"run_id": "{run}", "model_id": self.name("model", model), **point}))

    @rule(model=runs, step=steps)
    def use(self, model: int, step: int) -> None:
        one = self.name("model", model)
        self.ask(post("runs/outputs", {"run_id": "{run}", "models": [{"model_id": one, "step": step}]}))
        self.ask(post("runs/log-inputs", {"run_id": "{run}", "models": [{"model_id": one}]}))

    @rule(model=runs, sure=st.integers(0, 2))
    def delete(self, model: int, sure: int) -> None:
        if sure == 0:
            self.ask(delete(f"logged-models/{self.name('model', model)}"))

    @rule(text=st.sampled_from(MODEL_FILTERS), order=st.sampled_from(MODEL_ORDERS))
    def search(self, text: str, order: list[Any]) -> None:
        body = {"experiment_ids": ["{experiment}"], "filter": text, "order_by": order}
        self.ask(post("logged-models/search", body))

    def teardown(self) -> None:
        for index in range(self.count):
            self.ask(get(f"logged-models/{self.name('model', index)}"))
        self.ask(get("runs/get", {"run_id": "{run}"}))


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("machine", [Runs, Registry, Logged])
def test_machine(pair: Pair, machine: type[Machine], request: pytest.FixtureRequest) -> None:
    run(pair, machine, seed_of(request.config))


def run(pair: Pair, machine: type[Machine], seed: int | None) -> None:
    def begin() -> Machine:
        return machine(pair, seed)

    run_state_machine_as_test(begin if seed is None else hypothesis.seed(seed)(begin), settings=machines)
