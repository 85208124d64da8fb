"""A filter's tree and orders as SQL with bound values: with `search`, the only place that puts SQL together.

Text of users becomes values, never SQL: names of columns come from the tables in `fields`.
A comparison is true or false, never NULL, so that NOT means what it says: an object that lacks
a field satisfies no comparison with it but IS NULL, and every NOT of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from trackside.errors import InvalidParameter
from trackside.filters.dialects import DIALECTS
from trackside.filters.fields import (
    PROMPT_TAG,
    REGISTERED_MODELS,
    Column,
    Field,
    Kind,
    Rows,
    bad_operator,
    resolve,
    takes,
)
from trackside.filters.order import Order
from trackside.filters.parse import And, Comparison, Node, Not, Or, check_storable, place, shortened, unquoted
from trackside.filters.values import Value, read
from trackside.model import LARGEST, Visible, VisibleModels

LARGEST_INTEGER = 2**63 - 1
_NULL_TESTS = {"IS NULL", "IS NOT NULL"}
_PROMPT = Field("tag", PROMPT_TAG)


class Sql(NamedTuple):
    """A piece of SQL; each `?` in it is one of the values, in order."""

    text: str
    values: tuple[Any, ...] = ()


class DatasetFilter(NamedTuple):
    """Restricts metrics of logged models to a dataset; to one version of it if there is a digest."""

    name: str
    digest: str | None = None


class Compiler:
    """Compiles for one kind of object and one engine."""

    def __init__(self, kind: Kind, engine: str, datasets: Sequence[DatasetFilter] = ()) -> None:
        self.kind = kind
        self._dialect = DIALECTS[engine]
        self._datasets = datasets
        self._passed_over: Field | None = None  # comparisons with it are taken as true

    def finished(self, sql: Sql) -> str:
        return self._dialect.finished(sql.text)

    def bind(self, value: Value | bytes) -> Sql:
        if isinstance(value, bytes):
            return Sql("?", (value,))
        if isinstance(value, str):
            return Sql(self._dialect.text, (value,))
        return Sql(self._dialect.integer if isinstance(value, int) else self._dialect.real, (value,))

    def limits(self, limit: int, offset: int) -> Sql:
        return joined(" LIMIT ", self.bind(limit), " OFFSET ", self.bind(min(offset, LARGEST_INTEGER)))

    # --- conditions

    def condition(self, tree: Node | None) -> Sql:
        return Sql("TRUE") if tree is None else self._node(tree)

    def of_experiments(self, experiment_ids: Sequence[int]) -> Sql:
        known = [number for number in dict.fromkeys(experiment_ids) if 0 <= number <= LARGEST_INTEGER]
        column = f"{self.kind.source}.experiment_id"
        if not known:
            return Sql("FALSE")
        if len(known) == 1:  # told apart so that the default order can walk an index
            return joined(f"{column} = ", self.bind(known[0]))
        return self._within(Sql(column), known)

    def visible(self, column: str, visible: Visible | None, *, numbers: bool = False) -> Sql:
        """The condition that a thing is one of those that may be seen."""
        if visible is None or not visible.names:
            return Sql("FALSE" if visible is not None and visible.only else "TRUE")
        names: list[Value] = sorted(visible.names)
        if numbers:
            names = [int(name) for name in visible.names if name.isdecimal() and len(name) < 19]
            if not names:
                return Sql("FALSE" if visible.only else "TRUE")
        within = self._within(Sql(column), names)
        return within if visible.only else joined("NOT (", within, ")")

    def visible_models(self, visible: VisibleModels) -> Sql:
        """The same for rows with a registered model, by what it is."""
        if visible == (None, None):
            return Sql("TRUE")
        name = "registered_model.name"
        return joined(
            f"CASE WHEN {REGISTERED_MODELS.prompts} THEN ",
            self.visible(name, visible.prompts),
            " ELSE ",
            self.visible(name, visible.models),
            " END",
        )

    def without_prompts(self, tree: Node | None) -> Sql:
        """The filter; as in MLflow, prompts match only if its first condition on their tag asks for them."""
        for comparison in comparisons(tree):
            field, _ = self._resolved(comparison)
            if field == _PROMPT:
                wanted = {"=": "true", "!=": "false"}.get(comparison.operator)
                if wanted and unquoted(comparison.values[0].text, "'\"").lower() == wanted:
                    return self.condition(tree)
                break
        # Models lack the tag, so that a condition like != 'true' would match none of them.
        self._passed_over = _PROMPT
        return joined(f"NOT {self.kind.prompts} AND ", self.condition(tree))

    def on_datasets(self, tree: Node | None) -> Sql:
        """When no comparison is about a metric: the model has some metric on one of the datasets."""
        compared = {self._resolved(comparison)[0].entity for comparison in comparisons(tree)}
        if not self._datasets or "metric" in compared:
            return Sql("TRUE")
        on = "SELECT 1 FROM logged_model_metric AS t WHERE t.model_id = logged_model.id AND "
        return joined(f"EXISTS ({on}", self._on_one_of("t", self._datasets), ")")

    def _node(self, node: Node) -> Sql:
        if isinstance(node, Comparison):
            return self._comparison(node)
        if isinstance(node, Not):
            return joined("NOT ", self._node(node.part))
        word = " AND " if isinstance(node, And) else " OR "
        return joined("(", separated(word, [self._node(part) for part in node.parts]), ")")

    def _resolved(self, comparison: Comparison) -> tuple[Field, Column | Rows]:
        return resolve(self.kind, comparison.name, where=place(comparison.at))

    def _comparison(self, comparison: Comparison) -> Sql:
        field, target = self._resolved(comparison)
        if comparison.name.numeric and target.type != "text":
            raise InvalidParameter(
                f"num() is for params and tags, not for '{shortened(field.key)}'{place(comparison.at)}"
            )
        if comparison.operator not in _NULL_TESTS:
            values = read(self.kind, field, target, comparison)
            type_ = "number" if comparison.name.numeric else target.type
            if not takes(type_, comparison.operator):
                raise InvalidParameter(
                    bad_operator(self.kind, field, type_, comparison.operator) + place(comparison.operator_at)
                )
        else:
            values = []
        if field == self._passed_over:
            return Sql("TRUE")
        if isinstance(target, Column):
            return self._column_holds(field, target, comparison, values)
        return self._rows_hold(field, target, comparison, values)

    def _column_holds(self, field: Field, column: Column, comparison: Comparison, values: list[Value]) -> Sql:
        if comparison.operator not in _NULL_TESTS:
            # An index answers = and IN.
            if column.empty and (comparison.operator not in {"=", "IN"} or "" in values):
                return self._test(Sql(f"coalesce({column.sql}, '')"), comparison, values)
            test = self._test(Sql(column.sql), comparison, values)
            return joined(f"({column.sql} IS NOT NULL AND ", test, ")") if column.nullable else test
        if not column.nullable:
            kinds, what = (
                ("tags and params", f"'{field.entity}'")
                if self.kind.name == "run"
                else ("tags", field.entity)
            )
            raise InvalidParameter(
                f"IS NULL / IS NOT NULL is only supported for {kinds}, not for {what} '{field.key}'"
                + place(comparison.operator_at)
            )
        return Sql(f"{column.sql} {comparison.operator}")

    def _rows_hold(self, field: Field, rows: Rows, comparison: Comparison, values: list[Value]) -> Sql:
        tests = [self._joined_by(field, rows, "t")]
        value = Sql(rows.value.replace("{t}", "t"))
        if field.entity == "metric" and self._datasets:
            tests.append(self._on_one_of("t", self._datasets))
        if comparison.operator in _NULL_TESTS:
            if comparison.name.numeric:
                tests.append(Sql(f"{self._dialect.as_number.replace('{v}', value.text)} IS NOT NULL"))
            elif rows.nullable:
                tests.append(Sql(f"{value.text} IS NOT NULL"))
        elif rows.nan:
            nan = rows.nan.replace("{t}", "t")
            unlike = comparison.operator in {"!=", "NOT BETWEEN"}
            any_nan = f"({nan} <> 0 OR " if unlike else f"({nan} = 0 AND "
            tests.append(joined(any_nan, self._test(value, comparison, values), ")"))
        else:
            tests.append(self._test(value, comparison, values))
        word = "NOT EXISTS" if comparison.operator == "IS NULL" else "EXISTS"
        found = f"{word} (SELECT 1 FROM {rows.table.replace('{t}', 't')} WHERE "  # noqa: S608
        # With an OFFSET PostgreSQL looks the key up for each run, where it might else read the whole table.
        return joined(found, all_of(tests), " LIMIT 1 OFFSET 0)")

    def _test(self, expression: Sql, comparison: Comparison, values: list[Value]) -> Sql:
        """An expression that is not NULL, compared with values."""
        test = self._positive(expression, comparison, values)
        return joined("NOT (", test, ")") if comparison.operator.startswith("NOT ") else test

    def _positive(self, expression: Sql, comparison: Comparison, values: list[Value]) -> Sql:
        dialect, operator = self._dialect, comparison.positive
        if comparison.name.numeric:
            number = Sql(dialect.as_number.replace("{v}", expression.text))
            return self._ordered(
                number, operator, [Sql(dialect.decimal, (dialect.decimal_value(float(v)),)) for v in values]
            )
        if operator == "IN":
            return self._within(expression, values)
        if operator in {"LIKE", "ILIKE"}:
            pattern = str(values[0])
            template = dialect.like if operator == "LIKE" else dialect.ilike
            bound = Sql(dialect.text, (dialect.pattern(pattern) if operator == "LIKE" else pattern,))
            return Sql(template.replace("{v}", expression.text).replace("{p}", bound.text), bound.values)
        if operator in {"~", "!~"}:
            bound = self.bind(dialect.expression(str(values[0])))
            text = dialect.matches.replace("{v}", expression.text).replace("{p}", bound.text)
            return Sql(f"NOT ({text})" if operator == "!~" else text, bound.values)
        if any(isinstance(value, float) and abs(value) >= LARGEST for value in values):
            # Infinities are stored as they are, and compare as what MLflow stores for them.
            expression = Sql(dialect.clamped.replace("{v}", expression.text))
        return self._ordered(expression, operator, [self.bind(value) for value in values])

    def _ordered(self, expression: Sql, operator: str, bounds: list[Sql]) -> Sql:
        if operator == "BETWEEN":
            return joined(expression, " BETWEEN ", bounds[0], " AND ", bounds[1])
        return joined(expression, f" {operator} ", bounds[0])

    def _within(self, expression: Sql, values: Sequence[Value]) -> Sql:
        dialect = self._dialect
        many = dialect.text_list if isinstance(values[0], str) else dialect.integer_list
        text = dialect.within.replace("{v}", expression.text).replace("{p}", many)
        return Sql(text, (dialect.array(values),))

    def _joined_by(self, field: Field, rows: Rows, alias: str) -> Sql:
        on = rows.on.replace("{t}", alias)
        return Sql(on.replace("{key}", self._dialect.text), (field.key,) if rows.keyed else ())

    def _on_one_of(self, alias: str, datasets: Iterable[DatasetFilter]) -> Sql:
        conditions = []
        for name, digest in datasets:
            check_storable(name + (digest or ""))
            one = joined(f"({alias}.dataset_name = ", self.bind(name))
            if digest:
                one = joined(one, f" AND {alias}.dataset_digest = ", self.bind(digest))
            conditions.append(joined(one, ")"))
        return joined("(", separated(" OR ", conditions), ")")

    # --- orders

    def sort_keys(self, order: Order, alias: str, joins: list[Sql]) -> list[Sql]:
        """Expressions to sort by; what has to be joined for them is added to `joins`."""
        target = order.target
        rank: Sql | None
        if isinstance(target, Rows) and target.newest:
            value, rank = self._newest(order, target, alias)
        else:
            value, nan = self.sort_value(order, alias, joins)
            rank = Sql(f"{value.text} IS NULL") if self._may_lack(order) else None
            if nan:
                rank = Sql(f"CASE WHEN {value.text} IS NULL THEN 2 WHEN {nan} <> 0 THEN 1 ELSE 0 END")
        if target.type == "text" and not order.numeric:
            value = self.sorted_text(value)
        key = value if order.ascending else joined(value, " DESC")
        return [rank, key] if rank else [key]

    def sort_value(self, order: Order, alias: str, joins: list[Sql]) -> tuple[Sql, str]:
        """What is sorted by, and the column, if there is one, that says that it is NaN."""
        target = order.target
        if isinstance(target, Column):
            value, nan = Sql(f"coalesce({target.sql}, '')" if target.empty else target.sql), ""
        else:
            value, nan = Sql(target.value.replace("{t}", alias)), target.nan.replace("{t}", alias)
            on = self._joined_by(order.field, target, alias)
            joins.append(joined(f" LEFT JOIN {target.table.replace('{t}', alias)} ON ", on))
        if order.numeric:
            value = Sql(self._dialect.as_number.replace("{v}", value.text))
        return value, nan

    def _may_lack(self, order: Order) -> bool:
        target = order.target
        return order.numeric or isinstance(target, Rows) or (target.nullable and not target.empty)

    def sorted_text(self, value: Sql) -> Sql:
        return Sql(self._dialect.sorted_text.replace("{v}", value.text), value.values)

    def _newest(self, order: Order, rows: Rows, alias: str) -> tuple[Sql, Sql]:
        """Value and rank of the newest of several rows, on the order's dataset if it names one."""
        conditions = [self._joined_by(order.field, rows, alias)]
        if order.dataset_name:
            conditions.append(
                self._on_one_of(alias, [DatasetFilter(order.dataset_name, order.dataset_digest)])
            )
        elif order.dataset_digest:
            conditions.append(joined(f"{alias}.dataset_digest = ", self.bind(order.dataset_digest)))
        table, newest = rows.table.replace("{t}", alias), rows.newest.replace("{t}", alias)
        value, nan = rows.value.replace("{t}", alias), rows.nan.replace("{t}", alias)
        rest = joined(f" FROM {table} WHERE ", all_of(conditions), f" ORDER BY {newest} LIMIT 1)")
        rank = joined(f"coalesce((SELECT CASE WHEN {nan} <> 0 THEN 1 ELSE 0 END", rest, ", 2)")
        return joined(f"(SELECT {value}", rest), rank


def joined(*pieces: Sql | str) -> Sql:
    """One piece of several, their values in order."""
    parts = [Sql(piece) if isinstance(piece, str) else piece for piece in pieces]
    return Sql("".join(part.text for part in parts), tuple(value for part in parts for value in part.values))


def separated(word: str, pieces: Iterable[Sql]) -> Sql:
    first, *rest = pieces
    return joined(first, *(piece for one in rest for piece in (word, one)))


def all_of(conditions: Iterable[Sql]) -> Sql:
    return separated(" AND ", conditions)


def comparisons(node: Node | None) -> Iterator[Comparison]:
    """All of a tree, as they stand in the text."""
    if isinstance(node, Comparison):
        yield node
    elif isinstance(node, Not):
        yield from comparisons(node.part)
    elif isinstance(node, And | Or):
        for part in node.parts:
            yield from comparisons(part)
