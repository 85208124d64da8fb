"""Text to tree: what is accepted, what is refused, and the character that an error names."""

from __future__ import annotations

import pytest

from trackside.errors import InvalidParameter
from trackside.filters import Field, parse_field
from trackside.filters.parse import (
    MAX_CHARACTERS,
    MAX_COMPARISONS,
    MAX_DEPTH,
    And,
    Comparison,
    Name,
    Not,
    Or,
    parse,
)


def compare(text: str) -> tuple[Name, str, list[str], int]:
    tree = parse(text)
    assert isinstance(tree, Comparison)
    return tree.name, tree.operator, [value.text for value in tree.values], tree.at


@pytest.mark.parametrize(
    ("text", "name", "operator", "values"),
    [
        ("metrics.loss < 0.3", Name("metrics", "loss"), "<", ["0.3"]),
        ("metrics.loss<-1.5e-3", Name("metrics", "loss"), "<", ["-1.5e-3"]),
        ("metrics.loss\n>=\t.5", Name("metrics", "loss"), ">=", [".5"]),
        ("metrics.`a b` != 5.", Name("metrics", "a b"), "!=", ["5."]),
        ('metrics."a b" = 1e+3', Name("metrics", "a b"), "=", ["1e+3"]),
        ("`metrics`.a.b > 1", Name("metrics", "a.b"), ">", ["1"]),
        ("metrics.system/cpu-0 > +1", Name("metrics", "system/cpu-0"), ">", ["+1"]),
        ("params.\"a'b\" = 'x'", Name("params", "a'b"), "=", ["'x'"]),
        ('tags.in = "it\'s"', Name("tags", "in"), "=", ['"it\'s"']),
        ("tags.é LIKE 'a''b'", Name("tags", "é"), "LIKE", ["'a''b'"]),
        (r"tags.a ilike 'a\'b'", Name("tags", "a"), "ILIKE", [r"'a\'b'"]),
        ("status = 'FINISHED'", Name("", "status"), "=", ["'FINISHED'"]),
        ("run_id in ('a', \"b\",)", Name("", "run_id"), "IN", ["'a'", '"b"']),
        ("run_id Not  In ('a')", Name("", "run_id"), "NOT IN", ["'a'"]),
        ("run_id IN ()", Name("", "run_id"), "IN", []),
        ("params.a is null", Name("params", "a"), "IS NULL", []),
        ("params.a IS  NOT NULL", Name("params", "a"), "IS NOT NULL", []),
        ("metrics.a BETWEEN 1 AND 2", Name("metrics", "a"), "BETWEEN", ["1", "2"]),
        ("metrics.a not between 1 AND 2", Name("metrics", "a"), "NOT BETWEEN", ["1", "2"]),
        ("params.a NOT  LIKE 'x'", Name("params", "a"), "NOT LIKE", ["'x'"]),
        ("params.a NOT ILIKE 'x'", Name("params", "a"), "NOT ILIKE", ["'x'"]),
        ("num(params.lr) < 1", Name("params", "lr", "num"), "<", ["1"]),
        ("num = 'x'", Name("", "num"), "=", ["'x'"]),
    ],
)
def test_one_comparison(text: str, name: Name, operator: str, values: list[str]) -> None:
    assert compare(text) == (name, operator, values, 0)
    assert compare(f"  {text} ") == (name, operator, values, 2)


def shape(text: str) -> str:
    """A tree as text, a letter for each comparison."""

    def shown(node: object) -> str:
        if isinstance(node, Not):
            return f"-{shown(node.part)}"
        if isinstance(node, And | Or):
            return (
                "(" + ("&" if isinstance(node, And) else "|").join(shown(part) for part in node.parts) + ")"
            )
        assert isinstance(node, Comparison)
        return node.name.key

    return shown(parse(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.a>1 AND metrics.b>1", "(a&b)"),
        ("metrics.a>1 and metrics.b>1 or metrics.c>1", "((a&b)|c)"),
        ("metrics.a>1 AND (metrics.b>1 OR metrics.c>1)", "(a&(b|c))"),
        ("NOT metrics.a>1 AND metrics.b>1", "(-a&b)"),
        ("NOT (metrics.a>1 AND NOT metrics.b>1)", "-(a&-b)"),
        ("metrics.a BETWEEN 1 AND 2 AND metrics.b>1", "(a&b)"),
        ("((metrics.a>1))", "a"),
        # As in MLflow, ANDs may be missing, doubled, at the start and at the end
        ("metrics.a>1 metrics.b>1", "(a&b)"),
        ("AND metrics.a>1 AND AND metrics.b>1 AND", "(a&b)"),
    ],
)
def test_tree(text: str, expected: str) -> None:
    assert shape(text) == expected


def test_nothing_to_compare() -> None:
    assert parse("") is None
    assert parse("AND") is None


REFUSED = [
    ("   ", "Invalid filter '   '. Could not be parsed."),
    (
        "metrics.a",
        "Invalid clause(s) in filter string: 'metrics.a': expected a comparison after it (at character 10)",
    ),
    (
        "metrics.a b > 1",
        "Invalid clause(s) in filter string: 'metrics.a': expected a comparison after it (at character 11)",
    ),
    (
        "metrics.a > 1 OR",
        "Invalid clause(s) in filter string: 'end of the filter': expected a comparison (at character 17)",
    ),
    (
        "metrics.a > 1 AND OR metrics.b > 1",
        "Invalid clause(s) in filter string: 'OR': expected a comparison (at character 19)",
    ),
    ("OR metrics.a > 1", "Invalid clause(s) in filter string: 'OR': expected a comparison (at character 1)"),
    (
        "(metrics.a > 1",
        "Invalid clause(s) in filter string: 'end of the filter': expected ')' (at character 15)",
    ),
    ("metrics.a > 1)", "Invalid clause(s) in filter string: ')' (at character 14)"),
    (
        "metrics.a > 1, metrics.b > 2",
        "Invalid clause(s) in filter string: ',': expected a comparison (at character 14)",
    ),
    ("1 < metrics.a", "Invalid comparison clause. Expected 'Identifier' found '1' (at character 1)"),
    (
        "'metrics.a' > 1",
        "Invalid comparison clause. Expected 'Identifier' found ''metrics.a'' (at character 1)",
    ),
    ("metrics.a >", "Invalid clause(s) in filter string: 'metrics.a': expected a value (at character 12)"),
    (
        "metrics.a > AND metrics.b > 1",
        "Invalid clause(s) in filter string: 'metrics.a': expected a value (at character 13)",
    ),
    (
        "metrics.a BETWEEN 1",
        "Invalid clause(s) in filter string: 'metrics.a': BETWEEN needs two values, joined by AND (at character 11)",
    ),
    (
        "metrics.a NOT BETWEEN 1",
        "Invalid clause(s) in filter string: 'metrics.a': BETWEEN needs two values, joined by AND (at character 11)",
    ),
    (
        "metrics.a NOT 1",
        "Invalid clause(s) in filter string: 'metrics.a': expected a comparison after it (at character 11)",
    ),
    (
        "metrics.a IS 1",
        "Invalid clause(s) in filter string: 'metrics.a': expected a comparison after it (at character 11)",
    ),
    (
        "run_id IN 'a'",
        "Invalid clause(s) in filter string: 'run_id': expected a list in parentheses (at character 11)",
    ),
    (
        "run_id IN ('a' 'b')",
        "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list. (at character 12)",
    ),
    (
        "params.a = 'x",
        "Invalid clause(s) in filter string: ''': this quote is never closed (at character 12)",
    ),
    ("metrics.`a > 1", "Invalid clause(s) in filter string: '.' (at character 8)"),
    ("params.a = 'x' -- comment", "Invalid clause(s) in filter string: '-' (at character 16)"),
    ("metrics.a > 0x10", "Invalid clause(s) in filter string: '0' (at character 13)"),
    (
        "metrics.a > 1; metrics.b > 2",
        "Search filter contained multiple expression 'metrics.a > 1; metrics.b > 2'. Provide AND-ed expression list. (at character 14)",
    ),
    ("num(metrics.a", "Invalid clause(s) in filter string: 'num': expected num(params.KEY) (at character 1)"),
    ("params.a = 'a\0b'", "A filter must not have NUL characters or unpaired surrogates."),
    ("params.a = '\ud800'", "A filter must not have NUL characters or unpaired surrogates."),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as error:
        parse(text)
    assert error.value.message == message


def test_size_is_limited() -> None:
    parse(" AND ".join(["metrics.a > 1"] * MAX_COMPARISONS))
    with pytest.raises(InvalidParameter, match=r"at most 200 comparisons. \(at character 3601\)"):
        parse(" AND ".join(["metrics.a > 1"] * (MAX_COMPARISONS + 1)))
    with pytest.raises(InvalidParameter, match="at most 200000 characters; this one has 200001"):
        parse("a" * (MAX_CHARACTERS + 1))
    ids = ", ".join(f"'{number:032x}'" for number in range(5_000))
    parse(f"run_id IN ({ids})")
    with pytest.raises(InvalidParameter, match=r"at most 20000 words. \(at character 20001\)"):
        parse("(" * 20_001)
    parse("(" * MAX_DEPTH + "metrics.a > 1" + ")" * MAX_DEPTH)
    with pytest.raises(InvalidParameter, match="nested more than 50 deep"):
        parse("NOT " * (MAX_DEPTH + 1) + "metrics.a > 1")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("attributes.run_name", Field("attribute", "run_name")),
        ("start_time", Field("attribute", "start_time")),
        ("metrics.val loss/x", Field("metric", "val loss/x")),
        ("metrics.`val loss`", Field("metric", "val loss")),
        ("params.lr", Field("parameter", "lr")),
        ("tags.mlflow.user", Field("tag", "mlflow.user")),
    ],
)
def test_field_of_a_column(text: str, field: Field) -> None:
    assert parse_field(text) == field


@pytest.mark.parametrize("text", ["", "nothing", "foo.a", "attributes.x", "dataset.y"])
def test_no_field(text: str) -> None:
    with pytest.raises(InvalidParameter, match=r"^Invalid"):
        parse_field(text)
