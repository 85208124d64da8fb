"""The model registry: models, versions, stages, aliases, tags, sources, searches."""

import pytest
from asks import Ask, delete, get, patch, post
from pair import Pair, unique

MODEL = get("registered-models/get", {"name": "{model}"})
VERSION = get("model-versions/get", {"name": "{model}", "version": "1"})
SECOND = get("model-versions/get", {"name": "{model}", "version": "2"})
UNKNOWN = "{model} not there"


def tag(key: object, value: object = "v") -> dict[str, object]:
    return {"key": key, "value": value}


def create(name: object = "{unique}", **fields: object) -> Ask:
    return post("registered-models/create", {"name": name, **fields})


def model(action: str, method: str = "POST", **fields: object) -> Ask:
    return Ask(method, f"registered-models/{action}", {"name": "{model}", **fields})


def version(action: str, method: str = "POST", number: object = "1", **fields: object) -> Ask:
    return Ask(method, f"model-versions/{action}", {"name": "{model}", "version": number, **fields})


def source(text: object, **fields: object) -> Ask:
    return post("model-versions/create", {"name": "{model}", "source": text, **fields})


def stage(name: object, number: str = "1", **fields: object) -> Ask:
    return version("transition-stage", number=number, stage=name, **fields)


NEW = get("registered-models/get", {"name": "{unique}"})
LATEST = post("registered-models/get-latest-versions", {"name": "{model}"})
NAMES = [
    "a b",
    "é",
    "好",
    "a.b",
    "a-b",
    "a_b",
    "a/b",
    "a:b",
    "",
    " ",
    "..",
    ".",
    "../x",
    "a\nb",
    "a\\b",
    "a%2Fb",
    "x" * 256,
    "x" * 257,
    5,
    None,
    [],
    True,
]

MODELS: dict[str, list[Ask]] = {
    "create": [create(description="text", tags=[tag("a"), tag("b", "")]), NEW],
    "create with nothing": [create(), NEW],
    "long name": [create("{unique}" + "x" * 300)],
    "create twice": [create(), create(), create(tags=[tag("a")])],
    "empty description": [create(description=""), NEW],
    "no name": [post("registered-models/create"), post("registered-models/create", {"tags": []})],
    **{f"name {str(name)[:20]!r} {len(str(name))}": [create(name if not isinstance(name, str) or name in ("", " ", "..", ".", "../x") else "{unique}" + (name if len(name) < 99 else name[17:]))] for name in NAMES},
    "same tag twice": [create(tags=[tag("a", "1"), tag("a", "2")]), NEW],
    "tag keys": [create(f"{{unique}} {n}", tags=[tag(key)]) for n, key in enumerate(["", "../x", "a(b)", "k" * 250, "k" * 251, "a/b", 5, None])],
    "tag values": [create(f"{{unique}} {n}", tags=[tag("a", value)]) for n, value in enumerate(["", "v" * 5000, "v" * 5001, "v" * 100_000, "v" * 100_001, 5, None])],
    "tags no list": [create(tags="x"), create(tags=["x"])],
    "get": [MODEL],
    "get unknown": [get("registered-models/get", {"name": UNKNOWN})],
    "get nothing": [get("registered-models/get"), get("registered-models/get", {"name": ""}), get("registered-models/get", {"name": "a/b"})],
    "describe": [model("update", "PATCH", description="new"), MODEL, model("update", "PATCH", description=""), MODEL],
    "describe with nothing": [model("update", "PATCH"), MODEL],
    "describe unknown": [patch("registered-models/update", {"name": UNKNOWN, "description": "x"}), patch("registered-models/update")],
    "describe by POST": [post("registered-models/update", {"name": "{model}", "description": "x"})],
    "describe with a number": [model("update", "PATCH", description=5)],
    "rename": [model("rename", new_name="{unique}"), MODEL, NEW, get("model-versions/get", {"name": "{unique}", "version": "1"}), get("model-versions/get", {"name": "{model}", "version": "1"})],
    "rename to itself": [model("rename", new_name="{model}"), MODEL],
    "rename to a taken name": [create(), model("rename", new_name="{unique}"), MODEL],
    "rename to bad names": [model("rename", new_name=name) for name in ("", " ", "a/b", "a:b", "..", "x" * 257, 5, None)],
    "rename unknown": [post("registered-models/rename", {"name": UNKNOWN, "new_name": "x"}), post("registered-models/rename"), model("rename")],
    "delete": [model("delete", "DELETE"), MODEL, VERSION, model("delete", "DELETE")],
    "delete and again": [model("delete", "DELETE"), create("{model}"), source("runs:/{run}/model", run_id="{run}"), MODEL],
    "delete unknown": [delete("registered-models/delete", {"name": UNKNOWN}), delete("registered-models/delete"), delete("registered-models/delete", {"name": ""})],
    "tags": [model("set-tag", key="a", value="1"), MODEL, model("set-tag", key="a", value="2"), model("set-tag", key="b", value=""), MODEL],
    "tag without": [model("set-tag", value="x"), model("set-tag", key="a"), model("set-tag", key="", value="x"), MODEL],
    "bad tags": [model("set-tag", key=key, value="x") for key in ("../x", "a(b)", "/a", "k" * 251, 5)],
    "long tags": [model("set-tag", key="a", value="v" * length) for length in (5001, 100_000, 100_001)],
    "tag of unknown": [post("registered-models/set-tag", {"name": UNKNOWN, "key": "a", "value": "x"}), post("registered-models/set-tag", {"key": "a", "value": "x"})],
    "delete a tag": [model("set-tag", key="a", value="1"), model("delete-tag", "DELETE", key="a"), MODEL, model("delete-tag", "DELETE", key="a")],
    "delete no tag": [model("delete-tag", "DELETE"), model("delete-tag", "DELETE", key=""), model("delete-tag", "DELETE", key="../x")],
    "delete a tag of unknown": [delete("registered-models/delete-tag", {"name": UNKNOWN, "key": "a"})],
}  # fmt: skip

VERSIONS: dict[str, list[Ask]] = {
    "get": [VERSION, SECOND],
    "get others": [get("model-versions/get", {"name": "{model}", "version": number}) for number in ("3", "0", "-1", "x", "1.0", "", "01", " 1", "9" * 30, "1_0")],
    "get of unknown": [get("model-versions/get", {"name": UNKNOWN, "version": "1"}), get("model-versions/get", {"version": "1"}), get("model-versions/get", {"name": "{model}"}), get("model-versions/get")],
    "create": [source("runs:/{run}/model", run_id="{run}", description="text", tags=[tag("a")], run_link="http://x/y"), MODEL],
    "create of unknown": [post("model-versions/create", {"name": UNKNOWN, "source": "runs:/{run}/model", "run_id": "{run}"})],
    "create with nothing": [post("model-versions/create"), post("model-versions/create", {"name": "{model}"}), source(""), source(5), source("s3://b/x", tags="x")],
    "create same tag": [source("runs:/{run}/model", run_id="{run}", tags=[tag("a", "1"), tag("a", "2")])],
    "create bad tag": [source("runs:/{run}/model", run_id="{run}", tags=[tag("../x")])],
    "describe": [version("update", "PATCH", description="new"), VERSION, version("update", "PATCH", description=""), VERSION, version("update", "PATCH"), VERSION],
    "describe others": [version("update", "PATCH", "9", description="x"), version("update", "PATCH", "x", description="x"), version("update", "PATCH", 1, description="x"), patch("model-versions/update")],
    "delete": [version("delete", "DELETE"), VERSION, MODEL, version("delete", "DELETE")],
    "delete the last, and the next": [version("delete", "DELETE", "2"), source("runs:/{run}/model", run_id="{run}"), MODEL],
    "delete others": [version("delete", "DELETE", "9"), version("delete", "DELETE", "x"), delete("model-versions/delete"), delete("model-versions/delete", {"name": UNKNOWN, "version": "1"})],
    "tags": [version("set-tag", key="a", value="1"), VERSION, version("set-tag", key="a", value="2"), VERSION, version("delete-tag", "DELETE", key="a"), VERSION, version("delete-tag", "DELETE", key="a")],
    "bad tags": [version("set-tag", key=key, value="x") for key in ("", "../x", "a(b)", "k" * 251, 5, None)],
    "long tags": [version("set-tag", key="a", value="v" * length) for length in (5001, 100_000, 100_001)],
    "tag of others": [version("set-tag", number="9", key="a", value="x"), version("set-tag", number="x", key="a", value="x"), version("delete-tag", "DELETE", "9", key="a"), version("delete-tag", "DELETE", key="../x")],
    "tag without": [version("set-tag"), version("set-tag", key="a"), post("model-versions/set-tag", {"name": "{model}", "key": "a", "value": "x"})],
    "stages": [step for name in ("Staging", "production", "ARCHIVED", "none", "None") for step in (stage(name), VERSION, MODEL)],
    "bad stages": [stage("Bogus"), stage(""), stage(None), stage(5), version("transition-stage"), stage("Staging", "9"), stage("Staging", "x")],
    "archive": [stage("Production"), stage("Production", "2", archive_existing_versions=True), VERSION, SECOND, MODEL],
    "archive as text": [stage("Production"), stage("Production", "2", archive_existing_versions="true"), VERSION],
    "archive to nowhere": [stage("None", archive_existing_versions=True), stage("Archived", archive_existing_versions=True), VERSION],
    "archive itself": [stage("Staging"), stage("Staging", archive_existing_versions=True), VERSION],
    "latest": [LATEST, stage("Production"), LATEST, stage("Staging", "2"), LATEST, MODEL],
    "latest of stages": [stage("Production"), *(post("registered-models/get-latest-versions", {"name": "{model}", "stages": stages}) for stages in (["Production"], ["production", "None"], ["Staging"], [], ["Bogus"], "Production", [5], None))],
    "latest by query": [get("registered-models/get-latest-versions", {"name": "{model}"}), get("registered-models/get-latest-versions", [("name", "{model}"), ("stages", "None"), ("stages", "Production")])],
    "latest of unknown": [post("registered-models/get-latest-versions", {"name": UNKNOWN}), post("registered-models/get-latest-versions")],
    "download URI": [get("model-versions/get-download-uri", {"name": "{model}", "version": number}) for number in ("1", "9", "x", "")],
    "download URI of unknown": [get("model-versions/get-download-uri", {"name": UNKNOWN, "version": "1"})],
}  # fmt: skip

ALIAS = get("registered-models/alias", {"name": "{model}", "alias": "best"})
ALIASES: dict[str, list[Ask]] = {
    "set": [model("alias", alias="best", version="1"), ALIAS, MODEL, VERSION],
    "move": [model("alias", alias="best", version="1"), model("alias", alias="best", version="2"), ALIAS, MODEL, VERSION, SECOND],
    "two": [model("alias", alias="b", version="1"), model("alias", alias="a", version="1"), MODEL, VERSION],
    "delete": [model("alias", alias="best", version="1"), model("alias", "DELETE", alias="best"), ALIAS, MODEL, model("alias", "DELETE", alias="best")],
    "of a deleted version": [model("alias", alias="best", version="1"), version("delete", "DELETE"), ALIAS, MODEL],
    "after a rename": [model("alias", alias="best", version="1"), model("rename", new_name="{unique}"), get("registered-models/alias", {"name": "{unique}", "alias": "best"}), NEW],
    "names": [model("alias", alias=alias, version="1") for alias in ("a-b", "A_1", "é", "a b", "a.b", "a/b", "latest", "LATEST", "Latest", "v1", "V12", "v1a", "1", "", " ", "x" * 255, "x" * 256, 5, None)],
    "versions": [model("alias", alias="best", version=number) for number in ("9", "x", "", "0", 1, None)],
    "of unknown": [post("registered-models/alias", {"name": UNKNOWN, "alias": "best", "version": "1"}), delete("registered-models/alias", {"name": UNKNOWN, "alias": "best"}), get("registered-models/alias", {"name": UNKNOWN, "alias": "best"})],
    "get": [get("registered-models/alias", {"name": "{model}", "alias": alias}) for alias in ("none", "latest", "v1", "", "a b", "a/b")],
    "get nothing": [get("registered-models/alias"), get("registered-models/alias", {"name": "{model}"}), model("alias"), model("alias", "DELETE")],
    "of the latest": [model("alias", alias="best", version="2"), MODEL, LATEST, SECOND],
    "case": [model("alias", alias="Best", version="1"), ALIAS, get("registered-models/alias", {"name": "{model}", "alias": "Best"})],
}  # fmt: skip

SOURCES = [
    "runs:/{run}/model", "runs:/{run}", "runs:/{run}/", "runs:/{run}/../x", "runs:/{run}/a/../../x", "runs://{run}/model", "runs:/", "runs:{run}", "runs:/nope/model", "runs:/{run}/%2e%2e/x",
    "mlflow-artifacts:/{experiment}/{run}/artifacts/model", "mlflow-artifacts:/{experiment}/{run}/artifacts", "mlflow-artifacts:/{experiment}/{run}", "mlflow-artifacts:/{experiment}/{run}/artifacts/../x", "mlflow-artifacts:/0/x", "mlflow-artifacts://host/{experiment}/{run}/artifacts/model", "mlflow-artifacts:/{experiment}/{run}/artifacts/%2e%2e/%2e%2e/x", "mlflow-artifacts:/{experiment}/{run}/artifactsX",
    "s3://bucket/path", "s3://bucket/../x", "s3://bucket/a/../../x", "s3://bucket/%2e%2e/x", "s3://bucket/%252e%252e/x", "s3://bucket//x", "s3://bucket", "gs://bucket/x", "http://host/x", "https://host/x?y=../z", "https://host/../x", "http://host/%2e%2e%2fx", "ftp://host/x", "dbfs:/x/y", "hdfs://x/y/../z",
    "/etc/passwd", "/tmp/x", "file:///etc/passwd", "file:/etc/passwd", "relative/path", "./x", "../x", "~", "C:\\x", "\\\\host\\x", "x", "x y", "file://host/x",
    "models:/{model}/1", "models:/{model}/2", "models:/{model}/9", "models:/{model}/latest", "models:/{model}/Production", "models:/{model}/None", "models:/{model}@best", "models:/{model}@nope", "models:/{model}", "models:/not there/1", "models:/m-00000000000000000000000000000000", "models:/{logged}", "models:/", "models:/a/b/c", "models:{model}/1", "models://host/{model}/1", "models:/{model}/x",
    "{logged}", "mlflow-artifacts:/{experiment}/models/{logged}/artifacts", "dummy-source", "prompt-template", "unknown:/x", "//x/y", "s3:", ":", "%", "s3://[", "é", "s3://bucket/é b",
]  # fmt: skip


@pytest.fixture(scope="module")
def sources(both: Pair) -> Pair:
    scene = both.in_area("registry").scene(model=unique("sources"))
    scene.of_both(post("experiments/create", {"name": unique("sources")}, experiment="experiment_id"))
    scene.of_both(post("runs/create", {"experiment_id": "{experiment}"}, run="run.info.run_id"))
    scene.of_both(post("runs/create", {"experiment_id": "{experiment}"}, second="run.info.run_id"))
    logged = {"experiment_id": "{experiment}", "name": "net", "source_run_id": "{run}"}
    scene.of_both(post("logged-models", logged, logged="model.info.model_id"))
    scene.of_both(post("registered-models/create", {"name": "{model}"}))
    for run in ("{run}", "{second}"):
        scene.of_both(source(f"runs:/{run}/first", run_id=run))
    scene.of_both(model("alias", alias="best", version="1"))
    return scene


GIVEN: dict[str, dict[str, object]] = {
    "run": {"run_id": "{run}"},
    "nothing": {},
    "another run": {"run_id": "{second}"},
    "model": {"model_id": "{logged}"},
    "run and model": {"run_id": "{run}", "model_id": "{logged}"},
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("text", SOURCES)
def test_source(sources: Pair, text: str, given: str) -> None:
    """Each on a registered model of its own, so that the version's number says nothing of other cases."""
    scene = sources.scene(unique=unique("source"))
    scene.of_both(create())
    made = {"name": "{unique}", "source": text, **GIVEN[given]}
    scene.play(
        [
            post("model-versions/create", made),
            get("model-versions/get-download-uri", {"name": "{unique}", "version": "1"}),
        ]
    )


def test_unknown_run_and_model(sources: Pair) -> None:
    sources.play(
        [
            source("s3://bucket/x", run_id="f" * 32),
            source("runs:/" + "f" * 32 + "/m", run_id="f" * 32),
            source("s3://bucket/x", model_id="m-" + "f" * 32),
            source("s3://bucket/x", run_id=""),
            source("s3://bucket/x", run_id=5),
            source("s3://bucket/" + "x" * 5000),
        ]
    )


TABLES = {"models": MODELS, "versions": VERSIONS, "aliases": ALIASES}


@pytest.mark.parametrize(("table", "case"), [(table, case) for table in TABLES for case in TABLES[table]])
def test_registry(registry: Pair, table: str, case: str) -> None:
    registry.scene(unique=unique("reg")).play(TABLES[table][case])


# --- which changes move the times ----------------------------------------------------------------------------------

MOVES = {
    "describe": model("update", "PATCH", description="x"),
    "rename": model("rename", new_name="{model}"),
    "model tag": model("set-tag", key="a", value="1"),
    "model tag deleted": model("delete-tag", "DELETE", key="a"),
    "alias": model("alias", alias="a", version="1"),
    "alias deleted": model("alias", "DELETE", alias="a"),
    "new version": source("runs:/{run}/model", run_id="{run}"),
    "version described": version("update", "PATCH", description="x"),
    "version tag": version("set-tag", key="a", value="1"),
    "version tag deleted": version("delete-tag", "DELETE", key="a"),
    "stage": stage("Staging"),
    "same stage": stage("None"),
    "archiving": stage("Staging", archive_existing_versions=True),
    "other version deleted": version("delete", "DELETE", "2"),
}


@pytest.mark.parametrize("name", MOVES)
def test_what_moves_last_updated(registry: Pair, name: str) -> None:
    before = [registry.raw(ask) for ask in (MODEL, VERSION)]
    registry.ask(MOVES[name])
    after = [registry.raw(ask) for ask in (MODEL, VERSION)]
    for field, (old, new) in zip(
        ("registered_model", "model_version"), zip(before, after, strict=True), strict=True
    ):
        moved = [
            one[field]["last_updated_timestamp"] != two[field]["last_updated_timestamp"]
            for one, two in zip(old, new, strict=True)
        ]
        assert moved[0] == moved[1], f"{field}: moved on MLflow {moved[0]}, on Trackside {moved[1]}"


# --- searches ------------------------------------------------------------------------------------------------------

FOUND = "name LIKE '{group}%'"
MODEL_FILTERS = [
    FOUND, f"{FOUND} AND tags.kind = 'a'", f"{FOUND} AND tags.kind != 'a'", f"{FOUND} AND tags.kind LIKE 'A%'", f"{FOUND} AND tags.kind ILIKE 'A%'", f"{FOUND} AND tag.kind = 'a'",
    f"{FOUND} AND tags.`odd key` = 'x'", f"{FOUND} AND tags.kind IS NULL", f"{FOUND} AND tags.kind IS NOT NULL", f"{FOUND} AND tags.absent != 'x'", f"{FOUND} AND tags.kind IN ('a')", f"{FOUND} AND tags.kind > 'a'", f"{FOUND} AND tags.kind = 5", f"{FOUND} AND tags.kind = a",
    "name = '{group} one'", "name != 'x' AND name LIKE '{group}%'", "name ILIKE '{group} ONE'", "name LIKE '{group} ONE'", "name LIKE '{group} o_e'", "name = 'nope'", "name IN ('{group} one', 'x')", "name NOT IN ('x')", "name > 'a'", "name = 5", "name = one", "name", "name =", "attribute.name = '{group} one'", "attributes.name = '{group} one'", "name like '{group}%'",
    "colour = 'x'", "description = 'x'", "creation_timestamp > 0", "last_updated_timestamp > 0", "params.x = 'y'", "metrics.x > 1", "name = '{group} one' OR name = '{group} two'", "name = '{group} one' AND name = '{group} two'", "NOT name = 'x'", "(name = '{group} one')",
    f"{FOUND} AND tags.`mlflow.prompt.is_prompt` = 'true'", f"{FOUND} AND tags.mlflow.prompt.is_prompt = 'true'", f"{FOUND} AND tags.`mlflow.prompt.is_prompt` = 'false'", f"{FOUND} AND tags.`mlflow.prompt.is_prompt` != 'true'", f"{FOUND} AND tags.`mlflow.prompt.is_prompt` = 'True'", f"{FOUND} AND tags.`mlflow.prompt.is_prompt` LIKE 't%'", f"{FOUND} AND tags.`mlflow.prompt.is_prompt` IS NULL",
    "name = ''", "", "  ", "run_id = 'x'", "name IS NULL", "name LIKE '{group}%' ; x", 'name = "{group} one"', "name = 'it''s'",
]  # fmt: skip
MODEL_ORDERS: list[object] = [[], ["name"], ["name ASC"], ["name DESC"], ["timestamp"], ["timestamp DESC"], ["last_updated_timestamp"], ["last_updated_timestamp DESC", "name"], ["creation_timestamp"], ["name", "name"], ["name asc", "timestamp"], ["colour"], ["tags.kind"], ["name SIDEWAYS"], [""], ["attribute.name"], ["`name`"], ["description"], ["version_number"], "name", [5]]  # fmt: skip
VERSION_FILTERS = [
    FOUND, "name = '{group} one'", "name = '{group} one' AND version_number = 1", "name = '{group} one' AND version_number > 1", "name = '{group} one' AND version_number >= 1", "name = '{group} one' AND version_number != 1", "name = '{group} one' AND version_number < 2", "name = '{group} one' AND version_number = '1'", "version_number = 'x'", "version_number LIKE '1'", "version_number = 1.5", "version_number IN ('1')",
    "name = '{group} one' AND version_number <= 99999999999999999999", "run_id = '{run}'", "run_id != '{run}' AND name LIKE '{group}%'", "run_id IN ('{run}')", "run_id IN ('{run}', 'x')", "run_id IN ()", "run_id IN ('{run}',)", "run_id IN (1)", "run_id NOT IN ('{run}') AND name LIKE '{group}%'", "run_id LIKE '{run}'", "run_id = 5", "run_id > 'x'", "run_id = '{run}' AND name = '{group} one'",
    "source_path = 'runs:/{run}/a'", "source_path LIKE 'runs:/{run}/%'", "source_path ILIKE 'RUNS:/{run}/A'", "source_path != 'x' AND name LIKE '{group}%'", "source = 'x'", "name ILIKE '{group} ONE'", "name != 'x' AND name LIKE '{group}%'", "name IN ('{group} one')",
    f"{FOUND} AND tags.kind = 'a'", f"{FOUND} AND tags.kind != 'a'", f"{FOUND} AND tag.kind LIKE 'A%'", f"{FOUND} AND tags.kind ILIKE 'A%'", f"{FOUND} AND tags.`odd key` = 'x'", f"{FOUND} AND tags.kind IS NULL", f"{FOUND} AND tags.kind IS NOT NULL", f"{FOUND} AND tags.kind = 5",
    f"{FOUND} AND creation_timestamp > 0", f"{FOUND} AND last_updated_timestamp > 0", f"{FOUND} AND creation_timestamp > 'x'", "creation_timestamp LIKE 5", "current_stage = 'None'", "status = 'READY'", "user_id = 'x'", "description = 'x'", "aliases = 'x'", "colour = 'x'", "params.x = 'y'", "metrics.x = 1", "name = '{group} one' OR name = 'x'", "NOT name = 'x'", "name", "", "  ", "version = 1",
    f"{FOUND} AND tags.`mlflow.prompt.is_prompt` = 'true'", f"{FOUND} AND tags.`mlflow.prompt.is_prompt` != 'true'", "model_id = 'x'", "attribute.name = '{group} one'", "attributes.name = '{group} one'",
]  # fmt: skip
VERSION_ORDERS: list[object] = [[], ["name"], ["name DESC"], ["name", "version_number"], ["name DESC", "version_number DESC"], ["version_number", "name"], ["creation_timestamp", "name", "version_number"], ["creation_timestamp DESC"], ["last_updated_timestamp"], ["last_updated_timestamp DESC", "name"], ["run_id"], ["source_path"], ["tags.kind"], ["name", "name"], ["colour"], ["name SIDEWAYS"], [""], "name", [5], ["timestamp"]]  # fmt: skip


@pytest.fixture(scope="module")
def group(both: Pair) -> Pair:
    scene = both.in_area("registry").scene(group=unique("group"))
    scene.of_both(post("runs/create", {"experiment_id": "0"}, run="run.info.run_id"))
    scene.of_both(post("runs/create", {"experiment_id": "0"}, second="run.info.run_id"))
    kinds = {
        "one": [tag("kind", "a")],
        "two": [tag("kind", "Abc"), tag("odd key", "x")],
        "three": [],
        "prompt": [tag("mlflow.prompt.is_prompt", "true"), tag("kind", "a")],
    }
    for name, tags in kinds.items():
        scene.of_both(create(f"{{group}} {name}", tags=tags))
        for run, path in (("{run}", "a"), ("{second}", "b"), (None, "c")):
            fields = {"source": f"runs:/{run}/{path}", "run_id": run} if run else {"source": "s3://b/c"}
            fields = {"source": "prompt-template"} if name == "prompt" else fields
            scene.of_both(
                post("model-versions/create", {"name": f"{{group}} {name}", "tags": tags, **fields})
            )
            scene.pause()
    scene.of_both(
        post("model-versions/transition-stage", {"name": "{group} two", "version": "2", "stage": "Staging"})
    )
    scene.of_both(
        post(
            "model-versions/transition-stage",
            {"name": "{group} three", "version": "1", "stage": "Production"},
        )
    )
    scene.of_both(post("registered-models/alias", {"name": "{group} one", "alias": "best", "version": "3"}))
    return scene


def models(query: object) -> Ask:
    return get("registered-models/search", query)


def versions(query: object) -> Ask:
    return get("model-versions/search", query)


def listed(query: dict[str, object]) -> list[tuple[str, str]]:
    """A query with each item of a list as a field of its own."""
    return [
        (name, str(item))
        for name, value in query.items()
        for item in (value if isinstance(value, list) else [value])
    ]


@pytest.mark.parametrize("text", MODEL_FILTERS)
def test_model_filter(group: Pair, text: str) -> None:
    """Those that would find what other tests have made find only the group."""
    everywhere = text in ("", "  ", "name NOT IN ('x')", "NOT name = 'x'")
    group.ask(models({"filter": f"{FOUND} AND {text}" if everywhere else text}))


@pytest.mark.parametrize("order", MODEL_ORDERS, ids=repr)
def test_model_order(group: Pair, order: list[str]) -> None:
    group.ask(models(listed({"filter": FOUND, "order_by": order})))


@pytest.mark.parametrize("text", VERSION_FILTERS)
def test_version_filter(group: Pair, text: str) -> None:
    known = "{" in text or "x" in text
    group.ask(
        versions(
            listed(
                {"filter": text if known else f"{FOUND} AND {text}", "order_by": ["name", "version_number"]}
            )
        )
    )


@pytest.mark.parametrize("order", VERSION_ORDERS, ids=repr)
def test_version_order(group: Pair, order: list[str]) -> None:
    group.ask(versions(listed({"filter": FOUND, "order_by": order})))


PAGES: dict[str, list[Ask]] = {
    "models": [
        get("registered-models/search", {"filter": FOUND, "max_results": 2}, t="next_page_token"),
        models({"filter": FOUND, "max_results": 2, "page_token": "{t}"}),
        models({"filter": FOUND, "max_results": 3}),
    ],
    "versions": [
        get("model-versions/search", {"filter": FOUND, "max_results": 4}, t="next_page_token"),
        get("model-versions/search", {"filter": FOUND, "max_results": 4, "page_token": "{t}"}, t="next_page_token"),
        versions({"filter": FOUND, "max_results": 4, "page_token": "{t}"}),
    ],
    "model limits": [models({"filter": FOUND, "max_results": limit}) for limit in (1, 1000, 1001, 0, -1, "x", "", "1.5", 10**12)],
    "version limits": [versions({"filter": FOUND, "max_results": limit}) for limit in (1, 200_000, 200_001, 0, -1, "x", "", "1.5", 10**12)],
    "model tokens": [models({"filter": FOUND, "page_token": token}) for token in ("", "zz", "eyJvZmZzZXQiOiA5OX0=", "eyJhIjogMX0=", "W10=")],
    "version tokens": [versions({"filter": FOUND, "page_token": token}) for token in ("", "zz", "eyJvZmZzZXQiOiA5OX0=", "eyJhIjogMX0=", "W10=")],
    "by POST": [post("registered-models/search", {"filter": FOUND}), post("model-versions/search", {"filter": FOUND})],
}  # fmt: skip


@pytest.mark.parametrize("case", PAGES)
def test_page(group: Pair, case: str) -> None:
    group.play(PAGES[case])
