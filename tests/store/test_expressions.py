"""A regular expression finds the same texts on PostgreSQL as RE2, which SQLite's searches ask."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from trackside.errors import InvalidParameter
from trackside.filters.expressions import as_postgres
from trackside.patterns import BadPattern, compiled

TEXTS = [
    "", "a", "A", "b", "ab", "aB", "abc", "aab", "a b", "a\nb", "a\n", "\nb", "b\na", "1", "a1", "1.5", "_", "-", "]", "[",
    "^", "$", "é", "É", "aé", "ß", "a-b", "a{2}", "aa", "aaa", "{", "}", "\\", "a\\b", "(", ")", "x+y", "\t", " ", ".", "word",
    "two words", "K", "\u212a", "\u017f", "s", "S", "\x7f", "日本", "z", "Z", "*", "/", "#c", "{,2}", "&", "&&",
]  # fmt: skip

atoms = st.sampled_from(
    ["a", "b", "A", "é", "1", "_", "-", " ", ".", "^", "$", r"\.", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\b", r"\B", r"\A",
     r"\z", r"\n", r"\t", r"\x41", r"\x{e9}", r"\141", r"\\", r"\-", "[ab]", "[^a]", "[a-c]", "[]a]", "[^]a]", r"[\d_]", r"[^\w]",
     r"[\D]", r"[\W-]", "[[:alpha:]]", "[^[:space:]x]", "[a-]", "[A-z]", "{", "}", "{,2}", "a{2", "#", "&", "(?i)", "(?s)", "(?m)",
     "(?-i)", r"\Qa.b\E", "[é-ü]", "[&&]", "[[.a]", "日"]
)  # fmt: skip
repeats = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,1}", "{2,}", "*?", "+?", "{1}?"])
pieces = st.builds(lambda atom, repeat: atom + repeat, atoms, repeats)
patterns = st.recursive(
    st.lists(pieces, max_size=4).map("".join),
    lambda inner: st.one_of(
        st.builds(lambda a, b: f"{a}|{b}", inner, inner),
        st.builds(
            lambda head, a, repeat: f"{head}{a}){repeat}",
            st.sampled_from(["(", "(?:", "(?i:", "(?s:", "(?m:", "(?P<n>", "(?i-s:"]),
            inner,
            repeats,
        ),
        st.builds(lambda a, b: a + b, inner, inner),
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def found_by_postgres(servers):
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(servers("15").template))
        statement = runner.run(
            connection.prepare('SELECT t FROM unnest($1::text[]) AS t WHERE t COLLATE "C" ~ $2::text')
        )

        def found(pattern):
            return {row["t"] for row in runner.run(statement.fetch(TEXTS, pattern))}

        yield found
        runner.run(connection.close())


def found_by_re2(pattern):
    matcher = compiled(pattern)
    return {text for text in TEXTS if matcher.search(text.encode()) is not None}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(pattern=patterns)
@example(pattern="(?i)K")
@example(pattern=r"(?i:[^\w])")
@example(pattern=r"(?i)\W")
@example(pattern=r"(?i)[[:alpha:]]")
@example(pattern="a|")
@example(pattern="()")
@example(pattern="***:a")
@example(pattern="(?i)[a-c]|(?:x)?")
@example(pattern="a(?i)b|c")
@example(pattern=r"((\b\b\b*){1,2}){2,}")
def test_the_same_texts_are_found(found_by_postgres, pattern):
    try:
        expected = found_by_re2(pattern)
    except BadPattern:
        assume(False)
    try:
        translated = as_postgres(pattern)
    except InvalidParameter:
        assume(False)
    try:
        found = found_by_postgres(translated)
    except asyncpg.InvalidRegularExpressionError as error:
        if "too complex" not in str(error):  # which is said to who asked
            raise
        assume(False)
    assert found == expected, translated


@pytest.mark.parametrize("pattern", [r"\p{Greek}", r"\pN", "a{256}", "a{3,300}", "[[:^alpha:]]", r"\C"])
def test_what_postgresql_cannot_say_is_refused_in_words(pattern):
    compiled(pattern)
    with pytest.raises(InvalidParameter, match="On PostgreSQL a regular expression cannot have"):
        as_postgres(pattern)
