"""Experiments: every rule of their life, names, tags and searches."""

import pytest
from asks import Ask, get, post
from pair import Pair, unique

GET = get("experiments/get", {"experiment_id": "{experiment}"})


def create(**fields: object) -> Ask:
    return post("experiments/create", fields, made="experiment_id")


def search(**fields: object) -> Ask:
    return post("experiments/search", {"max_results": 50, **fields})


def of(action: str, **fields: object) -> Ask:
    return post(f"experiments/{action}", {"experiment_id": "{experiment}", **fields})


TAGS = [{"key": "a", "value": "1"}, {"key": "b", "value": ""}, {"key": "c"}]
MADE = get("experiments/get", {"experiment_id": "{made}"})

LIFE: dict[str, list[Ask]] = {
    "create": [create(name="{unique}"), MADE],
    "create with tags": [create(name="{unique}", tags=TAGS), MADE],
    "same tag twice": [
        create(name="{unique}", tags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]),
        MADE,
    ],
    "name in other letters": [create(name="{unique}"), create(name="{unique} ")],
    "name taken": [create(name="{unique}"), create(name="{unique}")],
    "name of a deleted one": [
        create(name="{unique}"),
        post("experiments/delete", {"experiment_id": "{made}"}),
        create(name="{unique}"),
        get("experiments/get-by-name", {"experiment_name": "{unique}"}),
        post("experiments/restore", {"experiment_id": "{made}"}),
        get("experiments/get-by-name", {"experiment_name": "{unique}"}),
    ],
    "no name": [create(), create(name=""), create(name=None)],
    "blank name": [create(name=" {unique}"), MADE],
    "name of 500": [create(name="{unique}".ljust(500, "x"))],
    "name too long": [create(name="{unique}" + "x" * 500)],
    "unicode name": [create(name="{unique} 好 ✓ é"), MADE],
    "odd name": [
        create(name="{unique}/../../etc"),
        MADE,
        create(name="{unique}\u0000"),
        create(name="{unique}\n"),
    ],
    "name is a number": [create(name=5)],
    "tags are a text": [create(name="{unique}", tags="x")],
    "tag without key": [create(name="{unique}", tags=[{"value": "x"}])],
    "tag with empty key": [create(name="{unique}", tags=[{"key": "", "value": "x"}])],
    "tag key too long": [create(name="{unique}", tags=[{"key": "k" * 251, "value": "x"}])],
    "tag value of 20000": [create(name="{unique}", tags=[{"key": "k", "value": "v" * 20_000}])],
    "tag value too long": [create(name="{unique}", tags=[{"key": "k", "value": "v" * 20_001}])],
    "tag key is a path": [create(name="{unique}", tags=[{"key": "../x", "value": "x"}])],
    "tag key characters": [create(name="{unique}", tags=[{"key": "a(b)", "value": "x"}])],
    "location": [create(name="{unique}", artifact_location="s3://bucket/path"), MADE],
    "location with a slash at the end": [
        create(name="{unique}", artifact_location="s3://bucket/path/"),
        MADE,
    ],
    "location too long": [create(name="{unique}", artifact_location="s3://bucket/" + "x" * 2048)],
    "location with params": [create(name="{unique}", artifact_location="s3://bucket/path;x=1")],
    "location with a fragment": [create(name="{unique}", artifact_location="s3://bucket/path#x")],
    "location with a query": [create(name="{unique}", artifact_location="s3://bucket/path?x=1")],
    "location with a parent": [create(name="{unique}", artifact_location="s3://bucket/../x")],
    "location with a parent at the end": [create(name="{unique}", artifact_location="s3://bucket/x/..")],
    "location with an encoded parent": [create(name="{unique}", artifact_location="s3://bucket/%2e%2e/x")],
    "location of the proxy": [create(name="{unique}", artifact_location="mlflow-artifacts:/own/place"), MADE],
    **{
        f"location by {scheme}": [create(name="{unique}", artifact_location=f"{scheme}://host/x")]
        for scheme in (
            "http",
            "HTTPS",
            "ftp",
            "sftp",
            "hdfs",
            "viewfs",
            "r2",
            "b2",
            "abfss",
            "mlflow-artifacts",
            "dbfs",
            "gs",
            "wasbs",
            "redis",
        )
    },
    "unknown scheme": [create(name="{unique}", artifact_location="nope://bucket/x")],
    "get": [GET],
    "get the default": [get("experiments/get", {"experiment_id": "0"})],
    "get unknown": [get("experiments/get", {"experiment_id": "987654"})],
    "get no number": [get("experiments/get", {"experiment_id": "abc"})],
    "get a negative number": [get("experiments/get", {"experiment_id": "-1"})],
    "get nothing": [get("experiments/get"), get("experiments/get", {"experiment_id": ""})],
    "get a huge number": [get("experiments/get", {"experiment_id": "9" * 30})],
    "get by unknown name": [get("experiments/get-by-name", {"experiment_name": "{unique} not there"})],
    "get by no name": [
        get("experiments/get-by-name"),
        get("experiments/get-by-name", {"experiment_name": ""}),
    ],
    "rename": [of("update", new_name="{unique}"), GET],
    "rename to its own name": [of("update", new_name="{unique}"), of("update", new_name="{unique}"), GET],
    "rename to a taken name": [create(name="{unique}"), of("update", new_name="{unique}"), GET],
    "rename to a deleted one's name": [
        create(name="{unique}"),
        post("experiments/delete", {"experiment_id": "{made}"}),
        of("update", new_name="{unique}"),
        GET,
    ],
    "rename to nothing": [of("update"), of("update", new_name=""), GET],
    "rename to a long name": [of("update", new_name="x" * 501), GET],
    "rename unknown": [post("experiments/update", {"experiment_id": "987654", "new_name": "x"})],
    "rename no number": [post("experiments/update", {"experiment_id": "abc", "new_name": "x"})],
    "rename without id": [post("experiments/update", {"new_name": "x"})],
    "rename a deleted one": [of("delete"), of("update", new_name="{unique}"), GET],
    "delete": [of("delete"), GET, get("runs/get", {"run_id": "{run}"})],
    "delete twice": [of("delete"), of("delete"), GET],
    "delete and restore": [of("delete"), of("restore"), GET, get("runs/get", {"run_id": "{run}"})],
    "a run deleted before comes back too": [
        post("runs/delete", {"run_id": "{run}"}),
        of("delete"),
        of("restore"),
        get("runs/get", {"run_id": "{run}"}),
    ],
    "restore an active one": [of("restore")],
    "restore twice": [of("delete"), of("restore"), of("restore")],
    "delete unknown": [post("experiments/delete", {"experiment_id": "987654"})],
    "delete no number": [post("experiments/delete", {"experiment_id": "abc"})],
    "delete nothing": [post("experiments/delete")],
    "restore unknown": [post("experiments/restore", {"experiment_id": "987654"})],
    "restore no number": [post("experiments/restore", {"experiment_id": "abc"})],
    "restore nothing": [post("experiments/restore")],
    "a run in a deleted one": [of("delete"), post("runs/create", {"experiment_id": "{experiment}"})],
    "writes to a run of a deleted one": [
        of("delete"),
        post("runs/set-tag", {"run_id": "{run}", "key": "a", "value": "b"}),
        post("runs/update", {"run_id": "{run}", "status": "FINISHED"}),
        post("runs/restore", {"run_id": "{run}"}),
        get("runs/get", {"run_id": "{run}"}),
    ],
    "set a tag": [of("set-experiment-tag", key="k", value="v"), GET],
    "set a tag twice": [
        of("set-experiment-tag", key="k", value="v"),
        of("set-experiment-tag", key="k", value="w"),
        GET,
    ],
    "set an empty tag": [of("set-experiment-tag", key="k", value=""), of("set-experiment-tag", key="l"), GET],
    "set a tag without key": [
        of("set-experiment-tag", value="v"),
        of("set-experiment-tag", key="", value="v"),
    ],
    "set a long tag": [of("set-experiment-tag", key="k", value="v" * 20_000), GET],
    "set a tag too long": [of("set-experiment-tag", key="k", value="v" * 20_001), GET],
    "set a long key": [of("set-experiment-tag", key="k" * 250, value="v"), GET],
    "set a key too long": [of("set-experiment-tag", key="k" * 251, value="v"), GET],
    "set a key that is a path": [
        of("set-experiment-tag", key="a/../b", value="v"),
        of("set-experiment-tag", key="/a", value="v"),
    ],
    "set a tag of another type": [
        of("set-experiment-tag", key="k", value=5),
        of("set-experiment-tag", key=5, value="v"),
    ],
    "set a tag of a deleted one": [of("delete"), of("set-experiment-tag", key="k", value="v"), GET],
    "set a tag of an unknown one": [
        post("experiments/set-experiment-tag", {"experiment_id": "987654", "key": "k", "value": "v"})
    ],
    "set a tag of no number": [
        post("experiments/set-experiment-tag", {"experiment_id": "x", "key": "k", "value": "v"})
    ],
    "delete a tag": [of("set-experiment-tag", key="k", value="v"), of("delete-experiment-tag", key="k"), GET],
    "delete a tag twice": [
        of("set-experiment-tag", key="k", value="v"),
        of("delete-experiment-tag", key="k"),
        of("delete-experiment-tag", key="k"),
    ],
    "delete a missing tag": [
        of("delete-experiment-tag", key="k"),
        of("delete-experiment-tag"),
        of("delete-experiment-tag", key=""),
    ],
    "delete a tag of a deleted one": [
        of("set-experiment-tag", key="k", value="v"),
        of("delete"),
        of("delete-experiment-tag", key="k"),
    ],
    "delete a tag of an unknown one": [
        post("experiments/delete-experiment-tag", {"experiment_id": "987654", "key": "k"})
    ],
    "the note": [of("set-experiment-tag", key="mlflow.note.content", value="# Title\n\ntext"), GET],
}


@pytest.mark.parametrize("case", LIFE)
def test_life(pair: Pair, case: str) -> None:
    pair.scene(unique=unique("exp")).play(LIFE[case])


# --- search: five experiments that only these filters find

FOUND = "name LIKE '{group}%'"
FILTERS = [
    FOUND,
    f"{FOUND} AND tags.kind = 'a'",
    f"{FOUND} and tags.kind != 'a'",
    f"{FOUND} AND tags.kind LIKE 'A%'",
    f"{FOUND} AND tags.kind ILIKE 'A%'",
    f"{FOUND} AND tag.kind = 'a'",
    f"{FOUND} AND tags.`odd key` = 'x'",
    f'{FOUND} AND tags."odd key" = "x"',
    f"{FOUND} AND tags.kind IS NULL",
    f"{FOUND} AND tags.kind IS NOT NULL",
    f"{FOUND} AND tags.absent IS NULL",
    f"{FOUND} AND name = '{{group}} one'",
    f"{FOUND} AND name != '{{group}} one'",
    f"{FOUND} AND attribute.name = '{{group}} one'",
    f"{FOUND} AND attributes.name = '{{group}} one'",
    f"{FOUND} AND attr.name ILIKE '%ONE'",
    f"{FOUND} AND name LIKE '%o_e'",
    f"{FOUND} AND name LIKE '%O_E'",
    f"{FOUND} AND creation_time > 0",
    f"{FOUND} AND creation_time >= 0 AND last_update_time > 0",
    f"{FOUND} AND creation_time < 5",
    f"{FOUND} AND creation_time != 5",
    f"{FOUND} AND creation_time = 5",
    f"{FOUND} AND creation_time > 1e3",
    f"{FOUND} AND creation_time > 1.5",
    f"{FOUND} AND creation_time > '5'",
    f"{FOUND} AND last_update_time <= 99999999999999999999",
    "name = 5",
    "name = unquoted",
    "name",
    "name =",
    "= 'x'",
    "name > 'x'",
    "name >= 'x' AND name <= 'y'",
    "name IN ('{group} one')",
    "name NOT IN ('x')",
    "name IS NULL",
    "name LIKE 5",
    "colour = 'red'",
    "params.x = 'y'",
    "metrics.x = 1",
    "attribute.colour = 'red'",
    "experiment_id = '{gone}'",
    "experiment_id = '0'",
    "experiment_id IN ('0')",
    "experiment_id IN ('0', 'x')",
    "experiment_id != '0' AND name LIKE '{group}%'",
    '"name" = "x"',
    "lifecycle_stage = 'active'",
    "tags.kind > 'a'",
    "tags.kind = a",
    "tags.kind = 5",
    "tags.kind IN ('a')",
    "tags = 'a'",
    "tags. = 'a'",
    "name = 'a' AND",
    "AND name = 'a'",
    "name = 'a' name = 'b'",
    "name = 'a",
    "name == 'a'",
    "NAME = 'a'",
    "name like '{group}%'",
    "name LIKE '{group}%' ; DROP TABLE experiments",
    "   ",
    "\t",
    "name = ''",
    "name = '{group} quo\"te'",
    'name = "{group} quo\'te"',
    "tags.kind LIKE 'a' AND name LIKE '{group} t%'",
    "creation_time > 0 AND creation_time > 1 AND creation_time > 2 AND name = '{group} two'",
]

ORDERS: list[list[str]] = [
    [],
    ["name"],
    ["name ASC"],
    ["name DESC"],
    ["name asc"],
    ["experiment_id"],
    ["experiment_id DESC"],
    ["creation_time"],
    ["creation_time DESC", "name"],
    ["last_update_time ASC", "name DESC"],
    ["attribute.name DESC"],
    ["attributes.name"],
    ["`name` DESC"],
    ["name", "name DESC"],
    ["name", "experiment_id"],
    ["name SIDEWAYS"],
    ["colour"],
    ["tags.kind"],
    ["metrics.x"],
    [""],
    ["name ASC DESC"],
    ["lifecycle_stage"],
    ["name, experiment_id"],
]

SEARCHES: dict[str, list[Ask]] = {
    "no limit": [post("experiments/search"), post("experiments/search", {"filter": FOUND})],
    "limit 0": [search(max_results=0)],
    "limit negative": [search(max_results=-1)],
    "limit too large": [search(max_results=50_001, filter=FOUND)],
    "largest limit": [search(max_results=50_000, filter=FOUND)],
    "limit as text": [search(max_results="2", filter=FOUND, order_by=["name"])],
    "limit no number": [search(max_results="x", filter=FOUND)],
    "limit a fraction": [search(max_results=1.5, filter=FOUND)],
    "pages": [
        Ask(
            "POST",
            "experiments/search",
            {"max_results": 2, "filter": FOUND, "order_by": ["name"]},
            keep={"t": "next_page_token"},
        ),
        Ask(
            "POST",
            "experiments/search",
            {"max_results": 2, "filter": FOUND, "order_by": ["name"], "page_token": "{t}"},
            keep={"t": "next_page_token"},
        ),
        post(
            "experiments/search",
            {"max_results": 2, "filter": FOUND, "order_by": ["name"], "page_token": "{t}"},
        ),
    ],
    "exactly full page": [search(max_results=5, filter=FOUND, order_by=["name"])],
    "bad token": [search(page_token="zz", filter=FOUND), search(page_token="abc=", filter=FOUND)],
    "token of other JSON": [
        search(page_token="eyJhIjogMX0=", filter=FOUND),
        search(page_token="W10=", filter=FOUND),
    ],
    "token beyond the end": [search(page_token="eyJvZmZzZXQiOiA5OTl9", filter=FOUND)],
    "empty token": [search(page_token="", filter=FOUND, order_by=["name"])],
    "view": [
        search(view_type=view, filter=FOUND, order_by=["name"])
        for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 1, 2, 3, "1", "2", "BOGUS", 9, "")
    ],
    "by query": [
        get("experiments/search", [("max_results", "5"), ("filter", FOUND), ("order_by", "name DESC")]),
        get(
            "experiments/search",
            [
                ("max_results", "5"),
                ("filter", FOUND),
                ("view_type", "ALL"),
                ("order_by", "name"),
                ("order_by", "experiment_id"),
            ],
        ),
        get("experiments/search", {"filter": FOUND}),
        get("experiments/search", {"max_results": "x"}),
        get("experiments/search"),
    ],
    "order_by no list": [search(order_by="name", filter=FOUND), search(order_by=[5], filter=FOUND)],
    "filter no text": [search(filter=5), search(filter=["x"])],
}


@pytest.fixture(scope="module")
def group() -> dict[str, str]:
    return {"group": unique("group")}


@pytest.fixture(scope="module")
def found(both: Pair, group: dict[str, str]) -> Pair:
    scene = both.in_area("experiments").scene(**group)
    tags = {
        "one": [{"key": "kind", "value": "a"}],
        "two": [{"key": "kind", "value": "Abc"}, {"key": "odd key", "value": "x"}],
    }
    for name in ("one", "two", "three", "quo'te", 'quo"te', "gone"):
        fields = {"name": f"{{group}} {name}", "tags": tags.get(name, [])}
        scene.of_both(post("experiments/create", fields, gone="experiment_id"))
    scene.of_both(post("experiments/delete", {"experiment_id": "{gone}"}))
    return scene


@pytest.mark.parametrize("text", FILTERS)
def test_filter(found: Pair, text: str) -> None:
    found.ask(search(filter=text, order_by=["name"]))


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_order(found: Pair, order: list[str]) -> None:
    found.ask(search(filter=FOUND, order_by=order))


@pytest.mark.parametrize("case", SEARCHES)
def test_search(found: Pair, case: str) -> None:
    found.play(SEARCHES[case])
