"""Intended differences of searches: filters, orders, pages."""

import math
import re
from typing import Any

from difference import Answer, Case

REFUSED = r"Invalid clause\(s\) in filter string: |Invalid filter string: |Invalid filter |Search filter contained multiple expression |While parsing a list in the query, expected "
FILTER = rf"({REFUSED}|Invalid comparison clause\. Expected 'Identifier' found )"


def _names(body: Any) -> list[str]:
    return [model["info"]["name"] for model in body["models"]]


def _has_state(text: str, body: Any) -> bool:
    """Every logged model found has the state that the filter asks for, or another where it asks for that."""
    denied, state = re.findall(r"status (!?)= '(\w+)'", text)[0]
    states = [model["info"]["status"] == f"LOGGED_MODEL_{state}" for model in body["models"]]
    return not any(states) if denied else all(states)


def _same_by_state(ask: Any, theirs: Any, ours: Any) -> bool:
    """The same logged models, by the name of their state (FAILED is shown as UPLOAD_FAILED), then by their own."""
    infos = [model["info"] for model in ours.body["models"]]
    keys = [
        (info["status"].removeprefix("LOGGED_MODEL_UPLOAD_").removeprefix("LOGGED_MODEL_"), info["name"])
        for info in infos
    ]
    return sorted(_names(ours.body)) == sorted(_names(theirs.body)) and keys == sorted(keys)


def _same_by_accuracy(ask: Any, theirs: Any, ours: Any) -> bool:
    """The same logged models, by the last value of `acc`; those without one come last."""
    points = [
        [point for point in model["data"].get("metrics", []) if point["key"] == "acc"]
        for model in ours.body["models"]
    ]
    last = [max(each, key=lambda point: point["timestamp"])["value"] if each else math.inf for each in points]
    return sorted(_names(ours.body)) == sorted(_names(theirs.body)) and last == sorted(last)


def _is_on_food(model: Any) -> bool:
    return any(point.get("dataset_name") in ("food", "other") for point in model["data"].get("metrics", []))


def _is_active(ask: Any, theirs: Any, ours: Any) -> bool:
    return all(run["info"]["lifecycle_stage"] == "active" for run in ours.body["runs"])


def _is_first_by_name(ask: Any, theirs: Any, ours: Any) -> bool:
    names = [experiment["name"] for experiment in ours.body["experiments"]]
    return names == sorted(names) and all(name.startswith("<group>") for name in names)


ANSWERS: tuple[Answer, ...] = (
    Answer(
        "page tokens",
        "a page token that no server gave",
        "takes a negative offset, or answers in other words",
        "refuses it",
        "Tokens are to be passed on as they are.",
        cases=(
            Case(
                route="GET .*/metrics/get-history",
                asked=r".*'page_token': 'eyJvZmZzZXQiOiAtMX0='.*",  # offset -1
                theirs=r'200 {"metrics": .*',
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid page token, decoded value=.*",
            ),
            Case(
                route="GET .*/metrics/get-history",
                theirs=r"400 INVALID_PARAMETER_VALUE: Invalid page token, .*",
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid page token, .*",
            ),
            Case(
                route=".*/(search|get-history)",
                asked=r""".*['"]page_token['"]: ['"]W10=['"].*""",  # a list
                theirs=r"500 (<page>|INTERNAL_ERROR: 'list' object has no attribute 'get')",
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid page token, parsed value=\[\]",
            ),
            Case(
                route="POST .*/logged-models/search",
                asked=r'.*"page_token": "zz".*',
                theirs="500 <page>",
                ours="400 INVALID_PARAMETER_VALUE: Invalid page token, could not base64-decode",
            ),
        ),
    ),
    Answer(
        "known fields",
        "errors that list what a filter or order may name, or how it may compare",
        "lists what it knows",
        "lists what it knows, which is more: `duration`, BETWEEN, regular expressions, IN for params and tags",
        "See the search language.",
        cases=(
            Case(
                route=".*/search",
                theirs=r"400 INVALID_PARAMETER_VALUE: (?P<what>(Invalid attribute key|Invalid order by key|Invalid comparator) '.*') (specified\. Valid keys are|not one of) '?\{.*",
                ours=r"400 INVALID_PARAMETER_VALUE: (?P<what>(Invalid attribute key|Invalid order by key|Invalid comparator) '.*') (specified\. Valid keys are|not one of) '\{.*",
            ),
        ),
    ),
    Answer(
        "broken filters",
        "a filter that is no sentence",
        "shows the words that were left over",
        "shows the first wrong word and what was expected there",
        "It helps to mend the filter. Status and code are the same.",
        cases=(
            Case(
                route=".*/search",
                theirs=rf"400 INVALID_PARAMETER_VALUE: ({FILTER}|Expected a quoted string value for \w+ \(e\.g\. 'my-value'\)\. Got value \(|Invalid order_by clause '.*'\. Could not be parsed|Invalid order by key |Invalid entity type: |Invalid comparison operator for |Invalid comparison: |Only .* attributes support).*",
                ours=rf"400 INVALID_PARAMETER_VALUE: ({FILTER}|Expected numeric value type for |Invalid entity type |Invalid comparator |IS NULL / IS NOT NULL |Invalid attribute key '.*' specified|Invalid order_by entity: |Invalid comparator for ).*",
            ),
        ),
    ),
    Answer(
        "odd filters",
        "an empty key without quotes (`tags. = 'a'`), a list without commas",
        "takes them, and finds nothing",
        "refuses them",
        "They are typing errors.",
        cases=(
            Case(
                route=".*/search",
                asked=r'.*("filter": "((params|tags|metrics)\. |\\"(run_)?name\\" (=|LIKE) )|"order_by": \["metrics\."\]).*',
                theirs=r'200 ({}|{"(runs|experiments|models)": \[.*)',
                ours=r"400 INVALID_PARAMETER_VALUE: (Invalid clause\(s\) in filter string: '\.'|Invalid comparison clause\. Expected 'Identifier' found '\"(run_)?name\"'|Invalid order_by clause '.*\.'\. Could not be parsed).*",
            ),
            Case(
                route="POST .*/runs/search",
                asked=r""".*"filter": "run_id IN \('\{\w+\}' '\{\w+\}'\)".*""",
                theirs=r'200 ({}|{"runs": \[.*)',
                ours=r"400 INVALID_PARAMETER_VALUE: While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list\..*",
            ),
            Case(
                route="POST .*/logged-models/search",
                asked=r'.*"filter": "(?P<key>experiment_id|artifact_location) = .*',
                theirs=r'200 ({}|{"models": \[.*)',
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid attribute key '(?P<key>\w+)' specified.*",
            ),
        ),
    ),
    Answer(
        "huge numbers in filters",
        "a number beyond 64 bits",
        "answers 500",
        "compares with it",
        "Clients repeat a 500 for minutes.",
        cases=(
            Case(
                route=".*/search",
                asked=r".*9{20,}.*",
                theirs="500 INTERNAL_ERROR: Python int too large to convert to SQLite INTEGER",
                ours=r'200 ({}|{"(experiments|model_versions)": \[.*)',
            ),
        ),
    ),
    Answer(
        "unknown view types",
        "experiments/search and runs/search with a number that is no view type",
        "stops reading the request there and answers without what stands after it: filter, order, experiments",
        "shows what is active, as for an unknown name",
        "The answer is about what was asked.",
        cases=(
            Case(
                route="POST .*/experiments/search",
                asked=r'.*"view_type": 9, "filter": "name LIKE \'{group}%\'", "order_by": \["name"\]}',
                theirs=r'200 {"experiments": \[.*',
                ours=r'200 {"experiments": \[.*',
                holds=_is_first_by_name,
            ),
            Case(
                route="POST .*/runs/search",
                asked=r'.*{"run_view_type": 9, "experiment_ids": .*',
                theirs="200 {}",
                ours=r'200 {"runs": \[.*',
                holds=_is_active,
            ),
        ),
    ),
    Answer(
        "more filters",
        "filters beyond MLflow's: OR, NOT, NOT LIKE, parentheses, BETWEEN, IN and IS NULL for every field, operators in any case, `+1`, keys with a slash, every name of an entity",
        "refuses them",
        "answers",
        "See the search language.",
        cases=(
            Case(
                route=".*/search",
                asked=r"(?!.*((params|tags|metrics)\. |'\{\w+\}' ')).*",  # an empty key, a list without commas
                theirs=rf"400 INVALID_PARAMETER_VALUE: ({REFUSED}|Invalid comparison clause\. Expected 'Identifier' found '[^\"]*'|IS NULL / IS NOT NULL is only supported for |Invalid comparison: .*Expected a comparison with 3 tokens|Invalid comparison operator for attributes\.last|Invalid entity type: '(attr|attribute|metric|param|tag)'|Invalid entity type '(attr|attributes|run)'|Invalid attribute key 'duration' specified|Invalid order by key '(attribute|`)|Only .* attributes support comparison with a list|Invalid comparator '(like|ilike|in|NOT LIKE|NOT ILIKE)'|Expected a quoted string value for \w+ \(e\.g\. 'my-value'\)\. Got value \(|Invalid order_by clause '.*'\. Could not be parsed).*",
                ours=r'200 ({}|{"(runs|experiments|models|registered_models|model_versions)": \[.*)',
            ),
        ),
    ),
    Answer(
        "IS NULL in the registry",
        "searches of registered models and versions",
        "answers 500",
        "answers",
        "Clients repeat a 500 for minutes.",
        cases=(
            Case(
                route="GET .*/(registered-models|model-versions)/search",
                asked=r".*IS (NOT )?NULL.*",
                theirs="500 <page>",
                ours=r'200 ({}|{"(registered_models|model_versions)": \[.*)',
            ),
        ),
    ),
    Answer(
        "no page size",
        "registered-models/search with max_results 0 or less, logged-models/search below 0",
        "gives an empty page and a token to the same place",
        "refuses it, as model-versions/search does",
        "A client that follows the tokens would never end.",
        cases=(
            Case(
                route="GET .*/registered-models/search",
                asked=r".*'max_results': ['\"]?(?P<most>-?\d+).*",
                theirs=r'200 {"next_page_token": "<offset -?\d+>"}',
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid value for max_results\. It must be a positive integer, but got (?P<most>-?\d+).*",
            ),
            Case(
                route="POST .*/logged-models/search",
                asked=r'.*"max_results": -1.*',
                theirs=r'200 {"next_page_token": "<offset -1>"}',
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid value -1 for parameter 'max_results' supplied.*",
            ),
        ),
    ),
    Answer(
        "states in filters",
        "logged-models/search by status",
        "compares numbers with text: finds none by `=` and all by `!=`, and sorts by number",
        "compares and sorts by PENDING, READY, FAILED",
        "A filter that finds nothing is of no use.",
        cases=(
            Case(
                route="POST .*/logged-models/search",
                asked=r".*\bstatus = '\w+'.*",
                theirs="200 {}",
                ours=r'200 {"models": \[.*',
                holds=lambda ask, theirs, ours: _has_state(ask.body["filter"], ours.body),
            ),
            Case(
                route="POST .*/logged-models/search",
                asked=r""".*"filter": "status != '\w+'".*""",
                theirs=r'200 {"models": \[.*',
                ours=r'200 {"models": \[.*',
                holds=lambda ask, theirs, ours: _has_state(ask.body["filter"], ours.body),
            ),
            Case(
                route="POST .*/logged-models/search",
                asked=r'.*"order_by": \[{"field_name": "status"}, {"field_name": "name"}\].*',
                theirs=r'200 {"models": \[.*',
                ours=r'200 {"models": \[.*',
                holds=_same_by_state,
            ),
        ),
    ),
    Answer(
        "double quotes for logged models",
        "logged-models/search with a value in double quotes",
        "takes the quotes for a part of the value",
        "takes them for quotes, as in every other search",
        "One language for all searches.",
        cases=(
            Case(
                route="POST .*/logged-models/search",
                asked=r'.*"filter": "name = \\"(?P<name>\w+)\\"".*',
                theirs="200 {}",
                ours=r'200 {"models": \[[^\[\]]*(\[[^\[\]]*\][^\[\]]*)*"name": "(?P<name>\w+)".*',
                holds=lambda ask, theirs, ours: len(ours.body["models"]) == 1,
            ),
        ),
    ),
    Answer(
        "NaN in filters of logged models",
        "logged-models/search by a metric that is NaN",
        "compares 0",
        "compares NaN, as the search of runs does",
        "0 is not what was logged.",
        cases=(
            Case(
                route="POST .*/logged-models/search",
                asked=r'.*"filter": "metrics\.nan != 0".*',
                theirs="200 {}",
                ours=r'200 {"models": \[.*"key": "nan".*',
                holds=lambda ask, theirs, ours: len(ours.body["models"]) == 1,
            ),
        ),
    ),
    Answer(
        "datasets without a digest",
        "logged-models/search restricted to a dataset by its name alone",
        "finds nothing",
        "takes every version of the dataset",
        "The field is optional.",
        cases=(
            Case(
                route="POST .*/logged-models/search",
                asked=r'.*"datasets": \[{"dataset_name": "food"}.*',
                theirs="200 {}",
                ours=r'200 {"models": \[.*',
                holds=lambda ask, theirs, ours: all(_is_on_food(model) for model in ours.body["models"]),
            ),
        ),
    ),
    Answer(
        "quoted keys in orders",
        "logged-models/search ordered by metrics.`KEY`",
        "takes the backticks for a part of the key",
        "takes them for quotes, as in every other search",
        "One language for all searches.",
        cases=(
            Case(
                route="POST .*/logged-models/search",
                asked=r".*\"order_by\": \[{\"field_name\": \"metrics\.`acc`\"}\].*",
                theirs=r'200 {"models": \[.*',
                ours=r'200 {"models": \[.*',
                holds=_same_by_accuracy,
            ),
        ),
    ),
    Answer(
        "page tokens of logged models",
        "logged-models/search with a token of another search",
        "keeps the search in the token and refuses it for another search",
        "keeps the place alone",
        "Tokens are to be passed on as they are.",
        cases=(
            Case(
                route="POST .*/logged-models/search",
                asked=r'.*"page_token": "eyJ\w+=".*',
                theirs=r"400 INVALID_PARAMETER_VALUE: Experiment IDs in the page token do not match the requested experiment IDs\. .*",
                ours="(200 {}|400 INVALID_PARAMETER_VALUE: Invalid page token, parsed value={'a': 1})",
            ),
        ),
    ),
    Answer(
        "negative limits",
        "metrics/get-history-bulk with a negative max_results",
        "gives all points but the last ones",
        "refuses it, as the other routes do",
        "Nobody means this.",
        cases=(
            Case(
                route="GET .*/get-history-bulk",
                asked=r".*'max_results', '-1'.*",
                theirs='200 {"metrics": .*',
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid value -1 for parameter 'max_results' supplied\. .*",
            ),
        ),
    ),
)
