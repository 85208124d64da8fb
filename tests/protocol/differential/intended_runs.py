"""Intended differences of experiments, runs and metrics."""

from difference import Answer, Case
from intended_requests import MISSING

AUTOFLUSH = r"(\(raised as a result of Query-invoked autoflush; .*\)\n)?"
NOT_UNIQUE = rf"{AUTOFLUSH}\(sqlite3\.IntegrityError\) UNIQUE constraint failed: "


def _cut(text: str) -> str:
    """As it is with the long values of the suite cut."""
    return text.replace("x" * 9000, "x" * 8000).replace("v" * 8001, "v" * 8000)


ANSWERS: tuple[Answer, ...] = (
    Answer(
        "SQL in messages",
        "a name that is taken",
        "appends the database's error with the SQL and its values to the message",
        "says only that it exists, and when it is a deleted one, what can be done",
        "SQL and the values of other columns are nobody's business; the beginning of the message is the same.",
        cases=(
            Case(
                route="POST .*/experiments/create",
                theirs=r"400 RESOURCE_ALREADY_EXISTS: (?P<what>Experiment\(name=.*\) already exists)\. Error: \(sqlite3\.IntegrityError\) UNIQUE constraint failed: experiments\..*",
                ours=r"400 RESOURCE_ALREADY_EXISTS: (?P<what>Experiment\(name=.*\) already exists)( \(a deleted one; restore it, or choose another name\))?\.",
            ),
            Case(
                route="POST .*/experiments/update",
                theirs=r"400 BAD_REQUEST: \(sqlite3\.IntegrityError\) UNIQUE constraint failed: experiments\..*",
                ours=r"400 RESOURCE_ALREADY_EXISTS: Experiment\(name=.*\) already exists( \(a deleted one; restore it, or choose another name\))?\.",
            ),
            Case(
                route="POST .*/registered-models/rename",
                theirs=r"400 RESOURCE_ALREADY_EXISTS: (?P<what>Registered Model \(name=.*\) already exists)\. Error: .*\(sqlite3\.IntegrityError\) UNIQUE constraint failed: registered_models\..*",
                ours=r"400 RESOURCE_ALREADY_EXISTS: (?P<what>Registered Model \(name=.*\) already exists)\.",
            ),
        ),
    ),
    Answer(
        "database errors",
        "requests that MLflow checks only in its database",
        "answers BAD_REQUEST with the database's error, the SQL and its values",
        "answers in words; where nothing is wrong with the request (a tag given twice), takes it",
        "SQL and the values of other columns are nobody's business.",
        cases=(
            Case(
                route="POST .*/experiments/create",
                theirs=rf"400 RESOURCE_ALREADY_EXISTS: Experiment\(name=.*\) already exists\. Error: {NOT_UNIQUE}experiment_tags\..*",
                ours=r'200 {"experiment_id": "\d+"}',
            ),
            Case(
                route="POST .*/runs/create",
                theirs=rf"400 BAD_REQUEST: {NOT_UNIQUE}tags\..*",
                ours=r'(200 {"run": .*|400 INVALID_PARAMETER_VALUE: Both \'run_name\' argument and \'mlflow.runName\' tag are specified, but with different values .*)',
            ),
            Case(
                route="POST .*/runs/create",
                theirs=rf"400 BAD_REQUEST: {AUTOFLUSH}\(sqlite3\.IntegrityError\) FOREIGN KEY constraint failed.*",
                ours=MISSING.format("experiment_id"),
            ),
            Case(
                route="POST .*/runs/(log-metric|log-batch)",
                asked=r'.*"model_id": .*',
                theirs=rf"400 BAD_REQUEST: ({NOT_UNIQUE}logged_model_metrics\.|\(sqlite3\.IntegrityError\) FOREIGN KEY constraint failed\n\[SQL: INSERT INTO logged_model_metrics ).*",
                ours="200 {}",
            ),
            Case(
                route="POST .*/runs/outputs",
                theirs=rf"400 BAD_REQUEST: {NOT_UNIQUE}inputs\..*",
                ours="200 {}",
            ),
            Case(
                route="POST .*/runs/log-inputs",
                theirs=rf"400 BAD_REQUEST: {NOT_UNIQUE}input_tags\..*",
                ours="200 {}",
            ),
            Case(
                route="POST .*/logged-models",
                theirs=rf"400 BAD_REQUEST: {NOT_UNIQUE}logged_model_tags\..*",
                ours='200 {"model": .*',
            ),
            Case(
                route=r"POST .*/logged-models(/[^/]+/params)?",
                theirs=rf"400 BAD_REQUEST: {NOT_UNIQUE}logged_model_params\..*",
                ours=r"400 INVALID_PARAMETER_VALUE: Duplicate parameter keys have been submitted: .*",
            ),
            Case(
                route=r"POST .*/logged-models/[^/]+/params",
                theirs=rf"400 BAD_REQUEST: {NOT_UNIQUE}logged_model_params\..*",
                ours=r"(200 {}|400 INVALID_PARAMETER_VALUE: Changing param values is not allowed\. .*)",
            ),
        ),
    ),
    Answer(
        "tags of a new run",
        "runs/create",
        "takes tags with any key and of any length",
        "checks and cuts them as set-tag does",
        "They could otherwise never be changed: set-tag refuses such keys.",
        cases=(
            Case(
                route="POST .*/runs/create",
                asked=r'.*"tags": \[\{.*',
                theirs=r'200 {"run": .*',
                ours=r"400 INVALID_PARAMETER_VALUE: (Invalid value \"(|\.\./x)\" for parameter 'tags\.key' supplied: Names may .*|'tags\.key' exceeds the maximum length of 250 characters)",
            ),
        ),
    ),
    Answer(
        "long values of a new run",
        "runs/create, and runs/get of such a run",
        "keeps a name or tag of any length",
        "cuts both to 8,000 characters, as set-tag does",
        "One limit for a tag, however it is set.",
        cases=(
            Case(
                route="(POST .*/runs/create|GET .*/runs/get)",
                theirs=r'200 .*"value": "(x{9000}|v{8001})".*',
                ours=r'200 .*"value": "(x{8000}|v{8000})".*',
                holds=lambda ask, theirs, ours: _cut(theirs.text) == ours.text,
            ),
        ),
    ),
    Answer(
        "long user names",
        "runs/create",
        "takes a user_id of any length on SQLite, and fails on other databases",
        "refuses more than 256 characters",
        "The same on every database.",
        cases=(
            Case(
                route="POST .*/runs/create",
                asked=r'.*"user_id": ".{257,}".*',
                theirs=r'200 {"run": .*',
                ours=r"400 INVALID_PARAMETER_VALUE: 'user_id' exceeds the maximum length of 256 characters",
            ),
        ),
    ),
    Answer(
        "run_uuid",
        "runs/delete, runs/restore and log-batch",
        "takes `run_uuid` for `run_id` in some routes, and in these answers that there is no run ''",
        "takes it everywhere",
        "An old name of a field is known everywhere or nowhere.",
        cases=(
            Case(
                route="POST .*/runs/(delete|restore)",
                asked=r'.*"run_uuid": .*',
                theirs=r"404 RESOURCE_DOES_NOT_EXIST: Run with id= not found",
                ours="200 {}",
            ),
            Case(
                route="POST .*/runs/log-batch",
                asked=r'.*"run_uuid": .*',
                theirs=r"400 INVALID_PARAMETER_VALUE: Invalid value \"\" for parameter 'run_id' supplied\.",
                ours="200 {}",
            ),
        ),
    ),
    Answer(
        "artifact locations",
        "experiments/create with a location that holds `..` or a query",
        "takes it",
        "refuses it",
        "Files would lie outside of the place that was allowed; a path put behind a query is none.",
        cases=(
            Case(
                route="POST .*/experiments/create",
                asked=r'.*"artifact_location": "(?P<where>[^"]*(\.\.|\?)[^"]*)".*',
                theirs=r'200 {"experiment_id": "\d+"}',
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid artifact location: '(?P<where>.*)'\. The artifact location cannot contain '\.\.' or a query\.",
            ),
        ),
    ),
    Answer(
        "settings named in messages",
        "a message that names an environment variable of MLflow's server",
        "names it",
        "leaves it out",
        "It does nothing here.",
        cases=(
            Case(
                route="POST .*/(experiments|model-versions)/create",
                theirs=r"(?P<what>400 INVALID_PARAMETER_VALUE: .*\.) (To configure this limit, please set|Set) the MLFLOW_\w+ environment variable.*\.",
                ours=r"(?P<what>400 INVALID_PARAMETER_VALUE: .*\.)",
            ),
        ),
    ),
    Answer(
        "datasets without a name",
        "log-inputs with a dataset without name or digest",
        "stores a dataset with an empty name or digest",
        "refuses it",
        "Datasets are told apart by name and digest.",
        cases=(
            Case(
                route=".*/runs/log-inputs",
                theirs="200 {}",
                ours=r"400 INVALID_PARAMETER_VALUE: Missing value for required parameter 'datasets\[0\]\.dataset\.(name|digest)'\. .*",
            ),
        ),
    ),
    Answer(
        "NaN as a bare token",
        "`log-metric` with NaN or Infinity as Python's json writes them",
        "stores the value 0 at time 0",
        "stores the value that was sent",
        "Nothing is stored that nobody sent.",
        cases=(
            Case(
                route="GET .*/(metrics/get-history|runs/get)",
                theirs=r'200 (?P<before>.*)"timestamp": 0, "value": 0\.0(?P<after>.*)',
                ours=r'200 (?P<before>.*)"timestamp": 1, "value": ("NaN"|-?1\.7976931348623157e\+308)(?P<after>.*)',
            ),
        ),
    ),
)
