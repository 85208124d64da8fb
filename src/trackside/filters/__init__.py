"""The search language: filters and orders as text, compiled to SQL with bound values."""

from trackside.filters.compile import DatasetFilter
from trackside.filters.fields import Field, parse_field
from trackside.filters.order import ModelOrder
from trackside.filters.parse import Name, split_name
from trackside.filters.positions import Range, tie
from trackside.filters.rankings import Candidate, by_field, field_of, orders_of, position_of
from trackside.filters.runs import Driver, RunSearch, ranking_values
from trackside.filters.search import (
    Composed,
    search_experiments,
    search_logged_models,
    search_model_versions,
    search_registered_models,
)

__all__ = [
    "Candidate",
    "Composed",
    "DatasetFilter",
    "Driver",
    "Field",
    "ModelOrder",
    "Name",
    "Range",
    "RunSearch",
    "by_field",
    "field_of",
    "orders_of",
    "parse_field",
    "position_of",
    "ranking_values",
    "search_experiments",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "split_name",
    "tie",
]
