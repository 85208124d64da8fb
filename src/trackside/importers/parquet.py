"""Metric points as a Parquet file, which any tool for tables reads."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trackside.importers.layout import COLUMNS, GROUP_ROWS
from trackside.importers.records import Points
from trackside.importers.source import SourceError

_SCHEMA = pa.schema(
    [
        ("run", pa.string()),
        ("key", pa.string()),
        ("step", pa.int64()),
        ("time_ms", pa.int64()),
        ("value", pa.float64()),
    ]
)
_GROUPS_KEPT = 2


class PointsWriter:
    """Writes rows in the order they are given, in row groups of one size."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, _SCHEMA, compression="zstd", use_dictionary=["run", "key"])
        self._waiting: list[pa.Table] = []
        self._count = 0
        self.rows = 0

    def add(self, run_id: str, key: str, points: Any) -> None:
        """Points of one metric: columns `step`, `timestamp_ms`, `value`."""
        count = len(points.step)
        if not count:
            return
        columns = [
            pa.repeat(run_id, count),
            pa.repeat(key, count),
            points.step,
            points.timestamp_ms,
            points.value,
        ]
        self._waiting.append(pa.table(dict(zip(COLUMNS, columns, strict=True)), _SCHEMA))
        self._count += count
        self.rows += count
        if self._count >= GROUP_ROWS:
            table = pa.concat_tables(self._waiting)
            whole = self._count - self._count % GROUP_ROWS
            self._writer.write_table(table.slice(0, whole), row_group_size=GROUP_ROWS)
            self._waiting, self._count = [table.slice(whole)], self._count - whole

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._count:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=GROUP_ROWS)
        self._writer.close()


class PointsReader:
    """Reads ranges of rows. Used from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._groups: dict[int, pa.Table] = {}
        try:
            self._file = pq.ParquetFile(path, read_dictionary=["run", "key"])
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{path} cannot be read as Parquet: {error}.") from error
        if pq.read_schema(path).remove_metadata() != _SCHEMA:
            raise SourceError(f"{path} has other columns than {', '.join(COLUMNS)}, or of other types.")

    @property
    def rows(self) -> int:
        return int(self._file.metadata.num_rows)

    def read(self, run_id: str, first: int, rows: int) -> Points:
        """These rows, which lie in one row group. Raises SourceError, also when they are another run's."""
        table = self._group(first // GROUP_ROWS).slice(first % GROUP_ROWS, rows)
        if table.num_rows != rows or table["run"].unique().to_pylist() != [run_id]:
            raise SourceError(
                f"{self._path}: rows {first:,} to {first + rows:,} are not those of run {run_id}."
            )
        if any(table[name].null_count for name in COLUMNS):
            raise SourceError(f"{self._path}: rows {first:,} to {first + rows:,} lack values.")
        key = table["key"].combine_chunks()
        step, time, value = (table[name].to_numpy() for name in COLUMNS[2:])
        names = key.dictionary.to_pylist()
        used, places = np.unique(key.indices.to_numpy(), return_inverse=True)
        return Points([names[each] for each in used], places.astype(np.int32), step, time, value)

    def _group(self, number: int) -> pa.Table:
        with self._lock:
            if number not in self._groups:
                try:
                    self._groups[number] = self._file.read_row_group(number)
                except (pa.ArrowException, OSError, IndexError) as error:
                    raise SourceError(f"{self._path} is damaged: {error}.") from error
                while len(self._groups) > _GROUPS_KEPT:
                    del self._groups[next(iter(self._groups))]
            return self._groups[number]

    def close(self) -> None:
        self._file.close()
