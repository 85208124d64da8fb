"""The error code and the words that unmodified clients get for a mistake: code in the wild matches on both."""

import pytest
from stories import Story

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

MISSING = "RESOURCE_DOES_NOT_EXIST"
INVALID = "INVALID_PARAMETER_VALUE"
EXISTS = "RESOURCE_ALREADY_EXISTS"
NO_PATH = "Names may be treated as files in certain cases, and must not resolve to other names when treated as such."

# Mistake -> code, words that the message must hold.
REFUSALS = {
    "unknown run": (MISSING, "Run with id=00000000000000000000000000000000 not found"),
    "log to unknown run": (MISSING, "Run with id=00000000000000000000000000000000 not found"),
    "unknown experiment": (MISSING, "No Experiment with id=987654 exists"),
    "experiment id": (
        INVALID,
        "Invalid experiment ID 'not a number'. Experiment ID must be a valid integer.",
    ),
    "same experiment": (EXISTS, "Experiment(name=refusals) already exists."),
    "changed param": (
        INVALID,
        "Changing param values is not allowed. Param with key='lr' was already logged with",
    ),
    "changed param in batch": (
        INVALID,
        "[{'key': 'lr', 'old_value': '0.1', 'new_value': '0.3'}]' for run ID='",
    ),
    "param twice in batch": (INVALID, "Duplicate parameter keys have been submitted: ['a']."),
    "metric key": (INVALID, f"Invalid value \"../x\" for parameter 'name' supplied: {NO_PATH}"),
    "metric key in batch": (
        INVALID,
        f"Invalid value \"../x\" for parameter 'metrics[0].name' supplied: {NO_PATH}",
    ),
    "metric key characters": (
        INVALID,
        "Invalid value \"a(b)\" for parameter 'name' supplied: Names may only contain",
    ),
    "param key": (INVALID, f"Invalid value \"/abs\" for parameter 'key' supplied: {NO_PATH}"),
    "tag key": (INVALID, f"Invalid value \"a//b\" for parameter 'key' supplied: {NO_PATH}"),
    "long key": (INVALID, "'Metric name' exceeds the maximum length of 250 characters"),
    # The client itself cuts what is too long for one request into several.
    "1001 metrics": ("no error", "None"),
    "deleted run": (INVALID, "must be in the 'active' state. Current state is deleted."),
    "missing tag": (MISSING, "No tag with name: never set in run with id "),
    "filter": (INVALID, "Invalid clause(s) in filter string: 'metrics.a'"),
    "filter field": (INVALID, "Invalid attribute key 'colour' specified. Valid keys are '"),
    "order": (INVALID, "Invalid ordering key in order_by clause 'metrics.a SIDEWAYS'."),
    "page token": (INVALID, "Invalid page token, could not base64-decode"),
    "max results": (INVALID, "Invalid value 60000 for parameter 'max_results' supplied"),
    "unknown model": (MISSING, "Registered Model with name=nobody not found"),
    "same model": (EXISTS, "Registered Model (name=refused) already exists."),
    "unknown version": (MISSING, "Model Version (name=refused, version=7) not found"),
    "model name": (INVALID, "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
    "alias": (INVALID, "Registered model alias champion not found."),
    "restore active experiment": (MISSING, "No Experiment with id="),
}


@pytest.mark.parametrize("mistake", REFUSALS)
def test_refusal(story: Story, mistake: str) -> None:
    code, message = story.chapter("refusals")[mistake]
    expected_code, words = REFUSALS[mistake]
    assert code == expected_code
    assert words in message


def test_every_mistake_has_its_expectation(story: Story) -> None:
    assert set(story.chapter("refusals")) == set(REFUSALS)
