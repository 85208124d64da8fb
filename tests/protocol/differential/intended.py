"""Every intended difference between Trackside's answers and MLflow's: what differs, and why.

The differential suite allows what stands here and nothing else, and fails when an entry is never met.
docs/differences.md is written from this table by scripts/docs.
"""

import intended_models
import intended_requests
import intended_runs
import intended_search
from difference import Answer, Difference, Field, Heading, Value, Wording, file_name

VALUES: tuple[Value, ...] = (
    Value(
        "NaN of logged models",
        "a metric of a logged model that is NaN",
        "gives 0",
        "gives NaN",
        "0 is not what was logged.",
        route=".*/logged-models.*",
        key="value",
        theirs=0.0,
        ours="NaN",
    ),
)
FIELDS: tuple[Field, ...] = (
    Field(
        "error class",
        "every error",
        "gives `sqlstate` and `error_class` beside `error_code` and `message`",
        "leaves both out",
        "No client reads them; they name Databricks' error catalogue.",
        fields=("sqlstate", "error_class"),
        errors=True,
    ),
    Field(
        "workspace",
        "experiments",
        "gives `workspace: default` with each",
        "leaves it out",
        "Workspaces are off, and clients take an absent field for the default workspace.",
        fields=("workspace",),
    ),
)
WORDINGS: tuple[Wording, ...] = (
    Wording(
        "place in a filter",
        "errors about filters",
        "says what is wrong",
        "says also at which character",
        "A filter of ten conditions is long.",
        ours=r" ?\(at character \d+\)$",
    ),
)
HEADINGS: tuple[Heading, ...] = (
    Heading(
        "character set",
        "downloads of text",
        "says no character set",
        "says `charset=utf-8`",
        "Browsers would otherwise guess.",
        head="content-type",
        same=lambda text: text.removesuffix("; charset=utf-8"),
    ),
    Heading(
        "file names in headers",
        "downloads",
        "writes the name of the file as it is, or encoded",
        "writes it in quotes, and encoded (RFC 6266) where it is more than letters, digits and `. _ -`",
        "A name cannot end the header or add another.",
        head="content-disposition",
        same=file_name,
    ),
)
ANSWERS: tuple[Answer, ...] = (
    *intended_runs.ANSWERS,
    *intended_requests.ANSWERS,
    *intended_search.ANSWERS,
    *intended_models.ANSWERS,
)
TABLE: tuple[Difference, ...] = (*FIELDS, *WORDINGS, *HEADINGS, *VALUES, *ANSWERS)
