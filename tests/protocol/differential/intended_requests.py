"""Intended differences in how requests are read."""

import re
from typing import Any

from difference import TAKEN, Answer, Case
from wrong_types import HINT, refuses_what_was_sent

MISSING = r"400 INVALID_PARAMETER_VALUE: Missing value for required parameter '{}'\. See the API docs for more information about request parameters\."
NO_JSON = r"400 INVALID_PARAMETER_VALUE: Bad Request\. Content-Type must be one of \['application/json'\]\."
A_NAME = r"\w+"


def _in_camel_case(ask: Any, theirs: Any, ours: Any) -> bool:
    """The field that one side misses is there, in camelCase alone."""
    missing = theirs.text.partition("'")[2].partition("'")[0]
    camel = re.sub("_(.)", lambda match: match[1].upper(), missing)
    return camel in ask.body and missing not in ask.body


ANSWERS: tuple[Answer, ...] = (
    Answer(
        "NUL characters",
        "text with a NUL character, on PostgreSQL",
        "takes it on SQLite, and fails on other databases",
        "takes it on SQLite; on PostgreSQL it refuses it, and says so",
        "PostgreSQL's texts cannot hold it.",
        cases=(
            Case(
                route="(POST|PATCH) .*",
                asked=r".*\\u0000.*",
                theirs=TAKEN,
                ours=r"400 INVALID_PARAMETER_VALUE: PostgreSQL stores no text with a NUL character: leave it out\.",
            ),
        ),
        of_postgres=True,
    ),
    Answer(
        "unpaired surrogates",
        "text that is no Unicode",
        "stores an empty text instead",
        "counts the request as malformed",
        "What was not sent would be stored.",
        cases=(
            Case(
                route="POST .*/runs/log-parameter",
                asked=".*[\ud800-\udfff].*",
                theirs="200 {}",
                ours=MISSING.format("run_id"),
            ),
        ),
    ),
    Answer(
        "null lists",
        "log-batch with null for a list",
        "answers 500",
        "takes null for absent, as everywhere else",
        "Clients repeat a 500 for minutes.",
        cases=(
            Case(
                route="POST .*/runs/log-batch",
                asked=r'.*"(metrics|params|tags)": null.*',
                theirs="500 <page>",
                ours="200 {}",
            ),
            Case(
                route="POST .*/runs/search",
                asked=r'.*"max_results": null.*',
                theirs="500 <page>",
                ours=r'200 ({}|{"runs": \[.*\]})',
            ),
        ),
    ),
    Answer(
        "booleans as text",
        '`"true"` for a boolean field',
        "refuses it in a body, and takes it in a query",
        "takes it in both, as it takes numbers as text",
        "One rule for both.",
        cases=(
            Case(
                route="POST .*/model-versions/transition-stage",
                asked=r'.*"archive_existing_versions": ("true"|0).*',
                theirs=r"400 INVALID_PARAMETER_VALUE: Invalid value (\"true\"|0) for parameter 'archive_existing_versions' supplied:  Hint: .*",
                ours='200 {"model_version": .*',
            ),
        ),
    ),
    Answer(
        "headers of refusals",
        "a foreign Host or Origin",
        "refuses it without X-Content-Type-Options and X-Frame-Options",
        "gives both with every answer",
        "They cost nothing.",
        cases=(
            Case(
                asked=r".*'(Host|Origin)': '.*",
                theirs=r"(?P<what>403 (Invalid Host header - possible DNS rebinding attack detected|Cross-origin request blocked)) {'x-content-type-options': '', 'x-frame-options': ''}",
                ours=r"(?P<what>403 [\w ,-]+) {'x-content-type-options': 'nosniff', 'x-frame-options': 'SAMEORIGIN'}",
            ),
        ),
    ),
    Answer(
        "a misspelt route",
        "/api/2.0mlflow/experiments/search-datasets",
        "answers 405 or 404, since the route is declared with a spelling error",
        "answers 404",
        "No client calls it.",
        cases=(
            Case(
                route=".*/api/2.0mlflow/.*",
                theirs="405 <page>",
                ours="404 <page>",
            ),
        ),
    ),
    Answer(
        "version",
        "/version",
        "answers its version",
        "answers its own",
        "It is not MLflow. What its answers are compared with, the compatibility page says.",
        cases=(
            Case(
                route="GET /version",
                theirs=r"200 3\.17\.2(?P<heads> {.*})",
                ours=r"200 \d+\.\d+\.\d+\S*(?P<heads> {.*})",
            ),
        ),
    ),
    Answer(
        "capabilities",
        "server-info",
        "says that it takes pre-signed uploads, which it refuses for the storage that it proxies, and that it has a gateway",
        "says what it can do",
        "The client would ask in vain.",
        cases=(
            Case(
                route="GET .*/server-info",
                theirs=r'200 {"features_enabled": {"gateway": true}, (?P<parts>.*), "presigned_upload_model_id_supported": true, "presigned_upload_run_id_supported": true, (?P<rest>.*)}',
                ours=r'200 {"features_enabled": {}, (?P<parts>.*), "presigned_upload_model_id_supported": false, "presigned_upload_run_id_supported": false, (?P<rest>.*)}',
            ),
        ),
    ),
    Answer(
        "workspaces",
        "the header X-MLFLOW-WORKSPACE, while workspaces are off",
        "refuses it with 500",
        "refuses it with 400 and the same code and words, and says what to unset",
        "Clients repeat a 500 for minutes.",
        cases=(
            Case(
                asked=r".*'X-MLFLOW-WORKSPACE': .*",
                theirs=r"500 (?P<what>FEATURE_DISABLED: Workspace APIs are not available: workspaces are not enabled on this server)",
                ours=r"400 (?P<what>FEATURE_DISABLED: .*)\. Remove the X-MLFLOW-WORKSPACE header \(unset MLFLOW_WORKSPACE\)\.",
            ),
        ),
    ),
    Answer(
        "content types",
        "the Content-Type of a request with a body",
        "tells capital letters apart (`application/JSON` is refused), and looks at POST alone",
        "takes any case, and looks at PATCH and DELETE as well",
        "Media types know no case; a page of another site cannot send JSON without asking first.",
        cases=(
            Case(
                route="POST .*",
                asked=r".*'Content-Type': 'application/JSON'.*",
                theirs=NO_JSON,
                ours=rf"({TAKEN}|404 RESOURCE_DOES_NOT_EXIST: No Experiment with id=\d+ exists|400 INVALID_PARAMETER_VALUE: Model json is missing mandatory fields: .*)",
            ),
            Case(
                route="(PATCH|DELETE) .*",
                asked=r".*'Content-Type': '(text/plain|application/x-www-form-urlencoded)'.*",
                theirs=TAKEN,
                ours=NO_JSON,
            ),
        ),
    ),
    Answer(
        "bodies that are no object",
        "a body that is JSON, but a number or a text",
        "answers 500",
        "counts it as an empty object, as it does a body that is no JSON",
        "Clients repeat a 500 for minutes.",
        cases=(
            Case(
                asked=r'.* "(5|\\"x\\"|\[\])"',
                theirs="500 <page>",
                ours=rf"(200 {{}}|{MISSING.format(A_NAME)}|400 INVALID_PARAMETER_VALUE: Invalid value 0 for parameter 'max_results' supplied\. It must be a positive integer)",
            ),
            Case(
                route="POST .*/runs/log-batch",
                asked=r'.* "(|null|\{|\\u0000)"',
                theirs="500 <page>",
                ours=MISSING.format("run_id"),
            ),
        ),
    ),
    Answer(
        "camelCase",
        "routes whose required fields are given in camelCase",
        "takes camelCase for optional fields alone",
        "takes it for all",
        "A field's name is known everywhere or nowhere.",
        cases=(
            Case(
                theirs=MISSING.format(A_NAME),
                asked=r'.*"[a-z]+[A-Z]\w*": .*',
                ours=TAKEN,
                holds=_in_camel_case,
            ),
            Case(
                route="POST .*/(experiments/(delete|restore|delete-experiment-tag)|runs/delete-tag|registered-models/rename)",
                theirs=MISSING.format("((run|experiment)_id|new_name)"),
                ours=r"404 RESOURCE_DOES_NOT_EXIST: (No Experiment with id=\d+ exists|No tag with name: k in (run|experiment) with id .*|Registered Model with name=.* not found)",
                holds=_in_camel_case,
            ),
            Case(
                route="POST .*/runs/log-model",
                theirs=MISSING.format("run_id"),
                ours=r"400 INVALID_PARAMETER_VALUE: Model json is missing mandatory fields: .*",
                holds=_in_camel_case,
            ),
        ),
    ),
    Answer(
        "questions without a field",
        "routes without an API prefix, asked without a field they need",
        "answers with a page, or in other words",
        "names the field",
        "It says what to add.",
        cases=(
            Case(
                route="GET (/(model-versions/)?get-artifact|.*/get-download-uri)",
                theirs=r"400 INVALID_PARAMETER_VALUE: (?P<what>Missing value for required parameter 'name'\.).*",
                ours=r"400 INVALID_PARAMETER_VALUE: (?P<what>Missing value for required parameter 'name'\.) See the API docs for more information about request parameters\..*",
            ),
            Case(
                route="GET /(model-versions/)?get-artifact",
                theirs=r"(400 <page>|404 RESOURCE_DOES_NOT_EXIST: Run with id=None not found).*",
                ours=MISSING.format("(run_id|path)") + ".*",
            ),
            Case(
                route="GET /get-artifact",
                asked=".*'path': ''.*",
                theirs=r"400 INVALID_PARAMETER_VALUE: Artifact path refers to a directory, not a file: .*",
                ours=MISSING.format("path") + ".*",
            ),
        ),
    ),
    Answer(
        "wrong types",
        "a field of a wrong type: a fraction for a whole number, a number for a text, a list for a value",
        "stops reading the request there and goes on with what it has read, or answers 500",
        "refuses the request with 400 and names the field, its value and its type",
        "What was not sent would be stored (a step of 1.5 becomes step 0); and clients repeat a 500 for minutes.",
        cases=(
            Case(
                theirs=r"(200|400 INVALID_PARAMETER_VALUE:|400 BAD_REQUEST: \(sqlite3\.IntegrityError\)|404 RESOURCE_DOES_NOT_EXIST:|500) .*",
                ours=HINT,
                holds=refuses_what_was_sent,
            ),
        ),
    ),
    Answer(
        "mistakes are not the server's",
        "requests that MLflow's server does not expect",
        "answers 500, with a page or the exception's text",
        "answers 400 or 404 and says what is wrong",
        "Clients repeat a 500 for minutes.",
        cases=(
            Case(
                route=".*/(search|model-versions/(create|transition-stage))",
                theirs=r"500 INTERNAL_ERROR: (?P<what>.*)",
                ours=r"(400 INVALID_PARAMETER_VALUE|404 RESOURCE_DOES_NOT_EXIST): (?P<what>.*)",
            ),
            Case(
                route="PUT .*/mlflow-artifacts/artifacts/.*",
                theirs="500 Internal Server Error",
                ours=r"400 INVALID_PARAMETER_VALUE: '.*' would be a file and a folder at once\.",
            ),
            Case(
                route="GET .*/(experiments|model-versions)/get",
                asked=r".*: '(?P<number>9{20,})'.*",
                theirs="500 INTERNAL_ERROR: Python int too large to convert to SQLite INTEGER",
                ours=r"404 RESOURCE_DOES_NOT_EXIST: (No Experiment with id=9+ exists|Model Version \(name=.*, version=9+\) not found)",
            ),
            Case(
                route="POST .*/runs/log-model",
                asked=r'.*"model_json": "(\[\]|5)".*',
                theirs="500 <page>",
                ours=r"400 INVALID_PARAMETER_VALUE: Malformed model info\. \n (\[\]|5) \n is not a valid JSON\.",
            ),
            Case(
                route="POST .*/logged-models/search",
                theirs=r"500 INTERNAL_ERROR: could not convert string to float: .*",
                ours=r"400 INVALID_PARAMETER_VALUE: Expected numeric value type for .*",
            ),
            Case(
                route="POST .*/logged-models/search",
                theirs=r"500 INTERNAL_ERROR: type object 'SqlLoggedModel' has no attribute '(?P<key>\w+)'",
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid attribute key '(?P<key>\w+)' specified\. .*",
            ),
            Case(
                route="POST .*/model-versions/create",
                theirs=r"500 INTERNAL_ERROR: (?P<source>file://.*) is not a valid remote uri\. .*",
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid model version source: '(?P<source>file://.*)'\. To use a local path .*",
            ),
            Case(
                route="POST .*/model-versions/create",
                asked=r'.*"source": "s3://\[".*',
                theirs="500 <page>",
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid model version source: 's3://\['\. It is not a URI\.",
            ),
            Case(
                route="GET .*/registered-models/search",
                asked=".*'name IS NULL'.*",
                theirs="500 <page>",
                ours=r"400 INVALID_PARAMETER_VALUE: IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'.*",
            ),
        ),
    ),
)
