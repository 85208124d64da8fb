"""The search language: filters and orders as text, compiled to SQL with bound values."""

from trackside.filters.compile import DatasetFilter
from trackside.filters.fields import Field, parse_field
from trackside.filters.order import ModelOrder
from trackside.filters.search import (
    Composed,
    count_runs,
    search_experiments,
    search_logged_models,
    search_model_versions,
    search_registered_models,
    search_runs,
)

__all__ = [
    "Composed",
    "DatasetFilter",
    "Field",
    "ModelOrder",
    "count_runs",
    "parse_field",
    "search_experiments",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
]
