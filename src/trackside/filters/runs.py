"""A search for runs as statements: by rankings where there are some, else by sorting what matches.

Every way gives the same runs in the same order; they differ in what they cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from trackside.filters import positions, rankings
from trackside.filters.compile import Compiler, Sql, all_of, joined, separated
from trackside.filters.fields import RUNS
from trackside.filters.order import parse_order
from trackside.filters.parse import parse
from trackside.filters.positions import Range
from trackside.filters.search import Composed, lifecycle, sorted_page
from trackside.model import Page, View


class Driver(NamedTuple):
    """Ranges of a ranking that hold every run that can match, and how many runs these are at most."""

    ranking_id: int
    ranges: Sequence[Range]
    most: int
    settles: int | None = None  # which of the filter's comparisons holds for all of them


class RunSearch:
    """Which runs are wanted, in which order. Raises InvalidParameter for a filter or order that is not valid."""

    def __init__(
        self,
        engine: str,
        *,
        experiment_ids: Sequence[int],
        filter: str = "",  # noqa: A002 - the protocol's word
        order_by: Sequence[str] = (),
        view: View = "active",
    ) -> None:
        self._compiler = Compiler(RUNS, engine)
        self._orders = parse_order(RUNS, order_by)
        self.view = view
        tree = parse(filter)
        self._where = [self._compiler.of_experiments(experiment_ids), lifecycle("run", view)]
        self._filter = [self._compiler.condition(part) for part in rankings.conjuncts(tree)]
        self.is_filtered = tree is not None
        self.is_exact = rankings.is_exact(tree)  # the first candidate's runs are those that match
        ids = set(experiment_ids)
        # Rankings are of one experiment; runs asked for by id are looked up.
        self.experiment = ids.pop() if len(ids) == 1 and not rankings.names_runs(tree) else None
        newest_first = [(order.target, order.ascending) for order in self._orders] == [RUNS.tie[0]]
        self.is_default = not self._orders or newest_first
        self.order = None if self.is_default else rankings.name_of(self._orders)
        self.candidates = rankings.candidates(tree)

    # --- one page

    def page(self, page: Page, ranking_id: int | None, driver: Driver | None) -> list[Composed]:
        """Statements whose rows of `run`, one after the other, are the page; the later may not be needed.

        With a ranking in this order rows have their `position`; `page.after` is used with it or in the default
        order, and counts for the offset then.
        """
        if ranking_id is not None:
            return [self._composed(self._ranked(page, ranking_id, driver))]
        if self.is_default:
            return [self._composed(each) for each in self._newest(page, driver)]
        return [self._composed(self._sorted(page, driver))]

    def _ranked(self, page: Page, ranking_id: int, driver: Driver | None) -> Sql:
        sources, where = [Sql("ranked AS place")], [joined("place.ranking_id = ", self._bind(ranking_id))]
        if driver or self.is_filtered:
            sources = [*self._driving(driver), Sql("run"), *sources] if driver else [*sources, Sql("run")]
            where += [Sql("place.run_id = run.id"), *self._conditions(driver)]
        if page.after:
            where.append(joined("place.position > ", self._bind(page.after)))
        ids = joined(
            "SELECT place.run_id AS id, place.position AS position FROM ",
            # CROSS: SQLite keeps the order in which they stand, which is the plan.
            separated(" CROSS JOIN ", sources),
            " WHERE ",
            all_of(where),
            " ORDER BY place.position",
            self._limits(page),
        )
        return joined(
            "SELECT run.*, page.position FROM (", ids, ") AS page CROSS JOIN run",
            " WHERE run.id = page.id ORDER BY page.position",
        )  # fmt: skip

    def _newest(self, page: Page, driver: Driver | None) -> list[Sql]:
        if not page.after:
            return [self._sorted(page, driver)]
        start_ms, uuid = positions.untie(page.after)
        start = self._bind(start_ms)
        behind = [
            joined("run.start_ms = ", start, " AND ", self._id, " > ", self._bind(uuid)),
            joined("run.start_ms < ", start),
        ]
        return [self._sorted(page, driver, each) for each in behind]

    def _sorted(self, page: Page, driver: Driver | None, *more: Sql) -> Sql:
        sources = [*self._driving(driver), Sql("run")]
        where = [*self._where, *self._conditions(driver), *more]
        limits = self._limits(page)
        return sorted_page(self._compiler, separated(" CROSS JOIN ", sources), where, self._orders, limits)

    # --- how many

    def count(self, at_most: int, driver: Driver | None) -> Composed:
        """One row with `n`: how many runs match; counting stops at `at_most`."""
        sources = [*self._driving(driver), Sql("run")]
        matching = joined(
            "SELECT 1 FROM ",
            separated(" CROSS JOIN ", sources),
            " WHERE ",
            all_of([*self._where, *self._conditions(driver)]),
            # In the order of an index: what ends early may not begin with a scan.
            "" if driver else " ORDER BY run.start_ms DESC",
            " LIMIT ",
            self._bind(at_most),
        )
        return self._composed(joined("SELECT count(*) AS n FROM (", matching, ") AS matching"))

    def count_in(self, driver: Driver) -> Composed:
        """One row with `n`: how many runs are in the driver's ranges; counting stops at its `most`."""
        found = joined(
            "SELECT 1 FROM (", self._in_ranges(driver), ") AS found LIMIT ", self._bind(driver.most)
        )
        return self._composed(joined("SELECT count(*) AS n FROM (", found, ") AS counted"))

    def is_unfit(self, ranking_id: int) -> Composed:
        """A row if a run has a value that no position can hold: the ranking is no use then."""
        unfit = Driver(ranking_id, [Range(positions.UNFIT, positions.UNFIT * 2)], 1)
        return self._composed(self._in_ranges(unfit))

    # --- pieces

    def _conditions(self, driver: Driver | None) -> list[Sql]:
        if driver is None:
            return self._filter
        rest = [each for n, each in enumerate(self._filter) if n != driver.settles]
        return [Sql("run.id = driver.run_id"), *rest]

    def _driving(self, driver: Driver | None) -> list[Sql]:
        return [joined("(", self._in_ranges(driver), ") AS driver")] if driver else []

    def _in_ranges(self, driver: Driver) -> Sql:
        return separated(
            " UNION ALL ",
            [
                joined(
                    "SELECT run_id FROM (SELECT run_id FROM ranked WHERE ranking_id = ",
                    self._bind(driver.ranking_id), " AND position >= ", self._bind(start),
                    # The order and the limit tell PostgreSQL that this is a short walk.
                    " AND position < ", self._bind(end), " ORDER BY position LIMIT ", self._bind(driver.most),
                    ") AS leg",
                )
                for start, end in driver.ranges
            ],
        )  # fmt: skip

    @property
    def _id(self) -> Sql:
        return self._compiler.sorted_text(Sql("run.uuid"))

    def _bind(self, value: str | float | bytes) -> Sql:
        return self._compiler.bind(value)

    def _limits(self, page: Page) -> Sql:
        return self._compiler.limits(page.limit, 0 if page.after else page.offset)

    def _composed(self, sql: Sql) -> Composed:
        return Composed(self._compiler.finished(sql), sql.values)


def ranking_values(
    engine: str,
    name: str,
    *,
    experiment_id: int,
    view: View,
    after: int,
    to: int,
    changed_only: bool,
    limit: int,
) -> Composed:
    """What the positions of an experiment's runs are made of, for runs numbered above `after` up to `to`, by number."""
    compiler = Compiler(RUNS, engine)
    experiment, numbered = compiler.bind(experiment_id), "changed.run_id" if changed_only else "run.id"
    which = [
        # + 0: the runs are found by their numbers, not by an index of the experiment's.
        joined("run.experiment_id + 0 = ", experiment),
        lifecycle("run", view),
        joined(f"{numbered} > ", compiler.bind(after)),
        joined(f"{numbered} <= ", compiler.bind(to)),
    ]
    sources = [Sql("run")]
    if changed_only:
        sources = [Sql("changed_run AS changed"), *sources]
        which += [joined("changed.experiment_id = ", experiment), Sql("run.id = changed.run_id")]
    orders = rankings.orders_of(name)
    values = rankings.values_of_runs(compiler, orders, separated(" CROSS JOIN ", sources), all_of(which))
    limited = joined(values, f" ORDER BY {numbered} LIMIT ", compiler.bind(limit))
    return Composed(compiler.finished(limited), limited.values)
