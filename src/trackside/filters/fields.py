"""What can be searched for and sorted by, for each kind of object, and where each field is in the database.

SQL names come only from these tables: a field that is not listed is an error, never text in a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeVar

from trackside.errors import InvalidParameter
from trackside.filters.parse import Name, shortened, split_name

Entity = Literal["metric", "parameter", "tag", "attribute", "dataset"]
# integer: a number that must not have a fraction; id: an integer that is written in quotes
Type = Literal["text", "number", "integer", "id"]

PROMPT_TAG = "mlflow.prompt.is_prompt"

NUMBER_OPERATORS = ("<", "<=", ">", ">=", "=", "!=", "BETWEEN")
TEXT_OPERATORS = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")
MATCHES = ("~", "!~")
ID_OPERATORS = ("=", "!=", "IN", "NOT IN")

_ENTITIES: dict[str, Entity] = {
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("parameter", "parameters", "param", "params"), "parameter"),
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("", "attribute", "attr", "attributes", "run"), "attribute"),
    **dict.fromkeys(("dataset", "datasets"), "dataset"),
}


class Field(NamedTuple):
    """One thing that an object has, such as ("metric", "loss") or ("attribute", "start_time")."""

    entity: Entity
    key: str


class Column(NamedTuple):
    """A column of the object's own row."""

    sql: str
    type: Type = "text"
    nullable: bool = False
    empty: bool = False  # compares as an empty text when it is NULL


class Rows(NamedTuple):
    """Rows of another table that belong to the object; a comparison holds if one of them satisfies it.

    `{t}` stands for the table's alias; `on` has one placeholder, for the key, if `keyed`.
    """

    table: str
    on: str
    value: str
    type: Type = "text"
    nan: str = ""  # the column that says that the value is NaN, not the 0 beside it
    keyed: bool = True
    newest: str = ""  # which of several rows sorts the object; else there is at most one
    nullable: bool = False  # a row without a value is as no row


Place = TypeVar("Place", Column, Rows)


@dataclass(frozen=True)
class Kind:
    """A kind of object: its table and its fields."""

    name: str
    source: str  # FROM
    columns: str  # SELECT
    attributes: Mapping[str, Column]
    rows: Mapping[Entity, Rows]
    datasets: Mapping[str, Rows] = field(default_factory=dict)
    aggregates: Mapping[str, Rows] = field(default_factory=dict)  # of a metric's points, by function
    sortable: Mapping[str, Column] | None = None  # when it is not the same as `attributes`
    tie: tuple[tuple[Column, bool], ...] = ()  # (column, ascending) that end every order
    start: tuple[tuple[Column, bool], ...] = ()  # stand before `tie` when no order is asked for
    prompts: str = ""  # true for prompts, which MLflow keeps among the models and hides


def resolve(kind: Kind, name: Name, *, where: str = "", to_sort: bool = False) -> tuple[Field, Column | Rows]:
    """The field that a name means, and its place in the database.

    Raises InvalidParameter if there is none; the message ends with `where`.
    """
    entity = _ENTITIES.get(name.entity)
    if entity is None or not (entity in {"attribute", *kind.rows} or (entity == "dataset" and kind.datasets)):
        raise InvalidParameter(_unknown_entity(kind, shortened(name.entity)) + where)
    found = Field(entity, name.key)
    if name.function and not name.numeric:
        if entity != "metric" or name.function not in kind.aggregates:
            raise InvalidParameter(
                f"{name.function}() is for metrics of runs, not for '{shortened(name.key)}'{where}"
            )
        return found, kind.aggregates[name.function]
    if entity == "dataset":
        return found, _listed(kind.datasets, name.key, "dataset key", where)
    if entity != "attribute":
        return found, kind.rows[entity]
    if not to_sort or kind.sortable is None:
        return found, _listed(kind.attributes, name.key, "attribute key", where)
    what = "order by key" if kind.name == "registered model" else "attribute key"
    return found, _listed(kind.sortable, name.key, what, where)


def parse_field(text: str) -> Field:
    """A column of the runs table by its name in the search language: `metrics.loss`, `attributes.run_name`.

    Everything after the first dot is the key, with or without quotes, so that names of columns need none.
    Raises InvalidParameter for an unknown kind of field or attribute.
    """
    found, _ = resolve(RUNS, split_name(text))
    return found


def operators(type_: Type) -> tuple[str, ...]:
    """What a field of this type can be compared with, NULL aside."""
    if type_ == "text":
        return TEXT_OPERATORS
    return ID_OPERATORS if type_ == "id" else NUMBER_OPERATORS


def takes(type_: Type, operator: str) -> bool:
    """Whether a field of this type can be compared so; regular expressions and NOT are ours, not in MLflow's words."""
    positive = operator.removeprefix("NOT ")
    return positive in operators(type_) or (type_ == "text" and operator in MATCHES)


def bad_operator(kind: Kind, found: Field, type_: Type, operator: str) -> str:
    """MLflow's words for a comparison that a field does not have; they differ by kind of object."""
    valid = operators(type_)
    if kind.name == "logged model":
        entity = {"metric": "metrics", "parameter": "params", "tag": "tags"}.get(found.entity, "attributes")
        name = f"{entity}.{shortened(found.key)}"
        return f"Invalid comparison operator for {name}: {operator!r}. Expected one of {valid}."
    if kind.name == "run" or (kind.name == "experiment" and found.entity == "attribute" and type_ != "id"):
        return f"Invalid comparator '{operator}' not one of '{as_set(valid)}'"
    what: str = found.entity
    if type_ == "id":
        what = found.key
    elif type_ != "text":
        what = f"attribute {found.key}"
    return f"Invalid comparator for {what}: {operator}"


def as_set(names: Iterable[str]) -> str:
    """As MLflow prints a set, but always in the same order."""
    return "{" + ", ".join(repr(name) for name in sorted(names)) + "}"


def _listed(known: Mapping[str, Place], key: str, what: str, where: str) -> Place:
    if key not in known:
        raise InvalidParameter(
            f"Invalid {what} '{shortened(key)}' specified. Valid keys are '{as_set(known)}'{where}"
        )
    return known[key]


def _unknown_entity(kind: Kind, entity: str) -> str:
    if kind.name == "run":
        valid = ["metric", "parameter", "tag", "attribute", "dataset"]
        return f"Invalid entity type '{entity}'. Valid values are {valid}"
    if kind.name == "logged model":
        return (
            f"Invalid entity type: {entity!r}. Expected one of ['attributes', 'metrics', 'params', 'tags']."
        )
    return f"Invalid entity type '{entity}'. Valid entity types are ('attribute', 'tag', 'tags')"


def _pairs(table: str, owner: str) -> Rows:
    """Keys with text values, at most one row a key."""
    return Rows(f"{table} AS {{t}}", f"{owner} AND {{t}}.key = {{key}}", "{t}.value")


_OF_METRIC = "{t}.run_id = run.id AND {t}.key_id = (SELECT id FROM metric_key WHERE name = {key})"
_LAST = Rows("series AS {t}", _OF_METRIC, "{t}.last_value", "number", nan="{t}.last_nan")
_START = Column("run.start_ms", "number")
_DATASET = "run_dataset AS {t} JOIN dataset AS {t}_set ON {t}_set.id = {t}.dataset_id"
_RUN_COLUMNS = {
    "run_id": Column("run.uuid"),
    "run_name": Column("run.name"),
    "status": Column("run.status"),
    "artifact_uri": Column("run.artifact_uri"),
    "user_id": Column("run.user_id"),
    "start_time": _START,
    "created": _START,
    "Created": _START,
    "end_time": Column("run.end_ms", "number", nullable=True),
    # Ours: milliseconds from start to end; a run that has not ended has none.
    "duration": Column("(run.end_ms - run.start_ms)", "number", nullable=True),
}

RUNS = Kind(
    name="run",
    source="run",
    columns="run.*",
    attributes=_RUN_COLUMNS | dict.fromkeys(("run name", "Run name", "Run Name"), _RUN_COLUMNS["run_name"]),
    sortable=_RUN_COLUMNS,
    rows={
        "metric": _LAST,
        "parameter": _pairs("param", "{t}.run_id = run.id"),
        "tag": _pairs("tag", "{t}.run_id = run.id"),
    },
    datasets={
        "name": Rows(_DATASET, "{t}.run_id = run.id", "{t}_set.name", keyed=False),
        "digest": Rows(_DATASET, "{t}.run_id = run.id", "{t}_set.digest", keyed=False),
        "context": Rows(
            "run_dataset AS {t} JOIN run_dataset_tag AS {t}_tag ON {t}_tag.run_dataset_id = {t}.id"
            " AND {t}_tag.key = 'mlflow.data.context'",
            "{t}.run_id = run.id",
            "{t}_tag.value",
            keyed=False,
        ),
    },
    aggregates={
        "last": _LAST,
        # Over finite values: a metric that is NaN or infinite throughout has neither.
        "min": Rows("series AS {t}", _OF_METRIC, "{t}.min_value", "number", nullable=True),
        "max": Rows("series AS {t}", _OF_METRIC, "{t}.max_value", "number", nullable=True),
    },
    tie=((_START, False), (Column("run.uuid"), True)),
)

EXPERIMENTS = Kind(
    name="experiment",
    source="experiment",
    columns="experiment.*",
    attributes={
        "name": Column("experiment.name"),
        "experiment_id": Column("experiment.id", "id"),
        "creation_time": Column("experiment.created_ms", "integer"),
        "last_update_time": Column("experiment.updated_ms", "integer"),
    },
    rows={"tag": _pairs("experiment_tag", "{t}.experiment_id = experiment.id")},
    start=((Column("experiment.created_ms", "integer"), False), (Column("experiment.id", "id"), True)),
    tie=((Column("experiment.id", "id"), False),),
)

_MODEL_UPDATED = Column("registered_model.updated_ms", "integer")
REGISTERED_MODELS = Kind(
    name="registered model",
    source="registered_model",
    columns="registered_model.*",
    attributes={"name": Column("registered_model.name")},
    sortable={
        "name": Column("registered_model.name"),
        "timestamp": _MODEL_UPDATED,
        "last_updated_timestamp": _MODEL_UPDATED,
    },
    rows={"tag": _pairs("registered_model_tag", "{t}.model_id = registered_model.id")},
    tie=((Column("registered_model.name"), True),),
    prompts=(
        "EXISTS (SELECT 1 FROM registered_model_tag AS prompt WHERE prompt.model_id = registered_model.id"
        " AND prompt.key = 'mlflow.prompt.is_prompt' AND prompt.value = 'true')"
    ),
)

MODEL_VERSIONS = Kind(
    name="model version",
    source="model_version JOIN registered_model ON registered_model.id = model_version.model_id",
    columns="model_version.*, registered_model.name",
    attributes={
        "name": Column("registered_model.name"),
        "version_number": Column("model_version.version", "integer"),
        "run_id": Column("model_version.run_uuid", nullable=True, empty=True),
        "source_path": Column("model_version.source"),
    },
    sortable={
        "name": Column("registered_model.name"),
        "version_number": Column("model_version.version", "integer"),
        "creation_timestamp": Column("model_version.created_ms", "integer"),
        "last_updated_timestamp": Column("model_version.updated_ms", "integer"),
    },
    rows={
        "tag": _pairs(
            "model_version_tag",
            "{t}.model_id = model_version.model_id AND {t}.version = model_version.version",
        )
    },
    start=((Column("model_version.updated_ms", "integer"), False),),
    tie=((Column("registered_model.name"), True), (Column("model_version.version", "integer"), False)),
    # As MLflow has it: one version with the tag makes all versions of that name prompts.
    prompts=(
        "EXISTS (SELECT 1 FROM model_version_tag AS prompt WHERE prompt.model_id = model_version.model_id"
        " AND prompt.key = 'mlflow.prompt.is_prompt' AND prompt.value = 'true')"
    ),
)

_LOGGED_CREATED = Column("logged_model.created_ms", "number")
_LOGGED_UPDATED = Column("logged_model.updated_ms", "number")
LOGGED_MODELS = Kind(
    name="logged model",
    source="logged_model",
    columns="logged_model.*",
    attributes={
        "name": Column("logged_model.name"),
        "model_id": Column("logged_model.uuid"),
        "experiment_id": Column("logged_model.experiment_id", "id"),
        "model_type": Column("logged_model.model_type", nullable=True, empty=True),
        "status": Column("logged_model.status"),
        "source_run_id": Column("logged_model.source_run_uuid", nullable=True, empty=True),
        **dict.fromkeys(("creation_timestamp_ms", "creation_timestamp", "creation_time"), _LOGGED_CREATED),
        **dict.fromkeys(
            ("last_updated_timestamp_ms", "last_updated_timestamp", "last_updated_time"), _LOGGED_UPDATED
        ),
    },
    rows={
        "metric": Rows(
            "logged_model_metric AS {t}",
            "{t}.model_id = logged_model.id AND {t}.key = {key}",
            "{t}.value",
            "number",
            nan="{t}.is_nan",
            newest="{t}.timestamp_ms DESC, {t}.step DESC, {t}.run_uuid",
        ),
        "parameter": _pairs("logged_model_param", "{t}.model_id = logged_model.id"),
        "tag": _pairs("logged_model_tag", "{t}.model_id = logged_model.id"),
    },
    tie=((_LOGGED_CREATED, False), (Column("logged_model.uuid"), True)),
)
