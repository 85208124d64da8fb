"""Intended differences of registered and logged models, and of artifacts."""

from difference import Answer, Case

NO_MODEL_ID = r"400 INVALID_PARAMETER_VALUE: Missing value for required parameter 'model_id'\. .*"
OF_ONE = r"(PATCH|POST|DELETE) logged-models/\{(?P<one>\w+)\}.*"
NOT_FOUND = r"404 RESOURCE_DOES_NOT_EXIST: Logged model with ID '<(?P<one>\w+)>' not found\."
NOT_REMOTE = (
    "When an mlflow-artifacts URI was supplied, the tracking URI must be a valid http or https URI, .*"
)

ANSWERS: tuple[Answer, ...] = (
    Answer(
        "folders of the server",
        "model-versions/create with a path of a file system as source",
        "names the path as the server's own file system would resolve it",
        "names it as it was sent",
        "The server's working folder is nobody's business.",
        cases=(
            Case(
                route=".*/model-versions/create",
                theirs=r"400 INVALID_PARAMETER_VALUE: Invalid model version source: '(/|<folder>).*'(?P<what>\. To use a local path as .*)",
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid model version source: '.*'(?P<what>\. To use a local path as .*)",
            ),
        ),
    ),
    Answer(
        "long names of models",
        "registered-models/create and rename with a name of more than 256 characters",
        "takes it on SQLite, and fails on other databases",
        "refuses it",
        "The same on every database.",
        cases=(
            Case(
                route="POST .*/registered-models/create",
                asked=r'.*"name": ".{257,}".*',
                theirs='200 {"registered_model": .*',
                ours=r"400 INVALID_PARAMETER_VALUE: 'name' exceeds the maximum length of 256 characters",
            ),
            Case(
                route="POST .*/registered-models/rename",
                asked=r'.*"new_name": ".{257,}".*',
                theirs='200 {"registered_model": .*',
                ours=r"400 INVALID_PARAMETER_VALUE: 'new_name' exceeds the maximum length of 256 characters",
            ),
        ),
    ),
    Answer(
        "long sources",
        "model-versions/create with a source of more than 4,096 characters",
        "takes it on SQLite, and fails on other databases beyond 500",
        "refuses it",
        "Checking a source takes time that grows with its length.",
        cases=(
            Case(
                route="POST .*/model-versions/create",
                asked=r'.*"source": ".{4097,}".*',
                theirs='200 {"model_version": .*',
                ours=r"400 INVALID_PARAMETER_VALUE: 'source' exceeds the maximum length of 4096 characters",
            ),
        ),
    ),
    Answer(
        "model_id in the body",
        "PATCH of a logged model, POST of its params",
        "wants the model's id in the body as well as in the path",
        "reads it from the path",
        "What the path says cannot be missing.",
        cases=(
            Case(
                route="PATCH .*/logged-models/[^/]+",
                asked=r'(?!.*"model_id": "[^"]).*',
                theirs=NO_MODEL_ID,
                ours=r"(200 {\"model\": .*|400 INVALID_PARAMETER_VALUE: Missing value for required parameter 'status'\. See .*)",
            ),
            Case(
                route="POST .*/logged-models/[^/]+/params",
                asked=r'(?!.*"model_id": "[^"]).*',
                theirs=NO_MODEL_ID,
                ours="200 {}",
            ),
        ),
    ),
    Answer(
        "unknown states",
        "PATCH of a logged model with a status that is none",
        "takes it: the model is LOGGED_MODEL_STATUS_UNSPECIFIED from then on",
        "refuses it and names those that there are",
        "A model that is ready would have no state.",
        cases=(
            Case(
                route="PATCH .*/logged-models/[^/]+",
                asked=r'.*"status": (?P<status>"\w*"|\d+).*',
                theirs='200 {"model": .*"status": "LOGGED_MODEL_STATUS_UNSPECIFIED".*',
                ours=r"400 INVALID_PARAMETER_VALUE: Invalid value (?P<status>.*) for parameter 'status' supplied:  It must be one of LOGGED_MODEL_PENDING, LOGGED_MODEL_READY, LOGGED_MODEL_UPLOAD_FAILED\.",
            ),
        ),
    ),
    Answer(
        "another model_id in the body",
        "PATCH of a logged model, POST of its params, with another id in the body than in the path",
        "takes the body's",
        "takes the path's",
        "Who may change a model is asked by the path.",
        cases=(
            Case(
                route="(PATCH .*/logged-models/[^/]+|POST .*/logged-models/[^/]+/params)",
                asked=r'.*"model_id": (0|5|1\.5|true|\[\]|\[5\]|\{\}|"x").*',
                theirs=r"(400 INVALID_PARAMETER_VALUE: Invalid value .* for parameter 'model_id' |404 RESOURCE_DOES_NOT_EXIST: Logged model with ID 'x' not found).*",
                ours=r'200 ({}|{"model": .*)',
            ),
        ),
    ),
    Answer(
        "errors of the file server",
        "downloads of a folder, through the proxy",
        "answers with `detail`, not with error_code and message",
        "answers as everywhere else",
        "Clients show code and message.",
        cases=(
            Case(
                route="GET .*/mlflow-artifacts/artifacts/.*",
                theirs=r"400 {\"detail\": \"(?P<what>Artifact path refers to a directory, not a file: '[^']*')\"}(?P<heads>.*)",
                ours=r"400 INVALID_PARAMETER_VALUE: (?P<what>Artifact path refers to a directory, not a file: '[^']*')(?P<heads>.*)",
            ),
        ),
    ),
    Answer(
        "odd ranges",
        "a Range header that is no single range of bytes",
        "refuses it, or answers with several parts",
        "sends the whole file, as RFC 9110 allows, or 416 for a range that ends before it begins",
        "A client that asks for something odd gets what it can use.",
        cases=(
            Case(
                route="GET .*/artifacts/.*",
                asked=r".*'Range': 'bytes=(99-|-0)'.*",
                theirs="416  {(?P<kind>'content-type': '[^']*'), .*",
                ours="416  {(?P<kind>'content-type': '[^']*'), .*",
            ),
            Case(
                route="GET .*/artifacts/.*",
                asked=r".*'Range': 'bytes=5-2'.*",
                theirs="400 Range header: start must be less than end .*",
                ours="416  .*",
            ),
            Case(
                route="GET .*/artifacts/.*",
                asked=r".*'Range': '(bytes=x|lines=1-2)'.*",
                theirs="400 (Range header: range must be requested|Only support bytes range) .*",
                ours="200 hello world .*",
            ),
            Case(
                route="GET .*/artifacts/.*",
                asked=r".*'Range': 'bytes=0-1,3-4'.*",
                theirs="206 --.*",
                ours="200 hello world .*",
            ),
        ),
    ),
    Answer(
        "number signs in file names",
        "a file whose name holds `#`",
        "refuses it",
        "takes it",
        "It is a character like others.",
        cases=(
            Case(
                route="PUT .*/mlflow-artifacts/artifacts/.*%23.*",
                theirs="400 INVALID_PARAMETER_VALUE: Invalid path",
                ours="200 ",
            ),
        ),
    ),
    Answer(
        "keys of logged models",
        "names, params and tags of logged models; tags of datasets",
        "takes empty keys, and those that its SQLite does not check: of any length",
        "refuses empty keys, keys beyond 250 characters, names beyond 500",
        "The same on every database.",
        cases=(
            Case(
                route="POST .*/logged-models",
                asked=r'.*"name": "x{501,}".*',
                theirs='200 {"model": .*',
                ours=r"400 INVALID_PARAMETER_VALUE: 'name' exceeds the maximum length of 500 characters",
            ),
            Case(
                route=".* .*/(logged-models.*|runs/log-inputs)",
                asked=r'.*{"key": "(|.{251,})", .*',
                theirs=r'200 ({}|{"model": .*)',
                ours=r"400 INVALID_PARAMETER_VALUE: (Missing value for required parameter '(params|tags)\[0\]\.key'\.|'(params|tags)\[0\]\.key' exceeds the maximum length of 250 characters)",
            ),
        ),
    ),
    Answer(
        "deleted logged models",
        "status, params and tags of a deleted logged model",
        "changes them",
        "answers that there is none, as both do when it is read",
        "A deleted model does not change.",
        cases=(
            Case(
                route="PATCH .*/logged-models/[^/]+", asked=OF_ONE, theirs='200 {"model": .*', ours=NOT_FOUND
            ),
            Case(route="PATCH .*/logged-models/[^/]+/tags", asked=OF_ONE, theirs="200 {}", ours=NOT_FOUND),
            Case(
                route="DELETE .*/logged-models/[^/]+/tags/.*",
                asked=OF_ONE,
                theirs="(200 {}|404 RESOURCE_DOES_NOT_EXIST: No tag with key .*)",
                ours=NOT_FOUND,
            ),
            Case(
                route="POST .*/logged-models/[^/]+/params",
                asked=OF_ONE,
                theirs=r"(200 {}|400 BAD_REQUEST: \(sqlite3\.IntegrityError\) UNIQUE constraint failed: logged_model_params\..*)",
                ours=NOT_FOUND,
            ),
        ),
    ),
    Answer(
        "tag keys with slashes",
        "DELETE of a logged model's tag",
        "has no way to delete a tag whose key has a slash",
        "takes the rest of the path for the key",
        "Such tags can be set.",
        cases=(
            Case(
                route="DELETE .*/logged-models/[^/]+/tags/.*%2F.*",
                theirs="404 <page>",
                ours="200 {}",
            ),
        ),
    ),
    Answer(
        "odd paths",
        "artifact paths with a backslash, a control character, an empty part or a dot as a part",
        "takes most of them, or answers 500",
        "refuses them",
        "On another system, or after another decoding, they name another file.",
        cases=(
            Case(
                route="GET .*/(artifacts/list|mlflow-artifacts/artifacts)",
                asked=r".*'path': '(.*\\\\.*|\.|\./.*|.*//.*|.*\\(x00|n).*)'.*",
                theirs=r'200 ({}|{"root_uri": "[^"]*"})',
                ours="400 INVALID_PARAMETER_VALUE: Invalid path",
            ),
            Case(
                route="GET /get-artifact",
                asked=r".*'path': 'a:b\.txt'.*",
                theirs="200 hello .*",
                ours="400 INVALID_PARAMETER_VALUE: Invalid path.*",
            ),
        ),
    ),
    Answer(
        "percent signs in file names",
        "a file whose name holds an encoded character (`%41`)",
        "decodes it once more and stores another name",
        "keeps the name",
        "Two files could become one.",
        cases=(
            Case(
                route="GET .*/artifacts/list",
                theirs=r'200 (?P<before>.*"path": ")A(?P<after>".*)',
                ours=r'200 (?P<before>.*"path": ")%41(?P<after>".*)',
            ),
            Case(
                route="GET (.*/mlflow-artifacts/artifacts/.*|/get-artifact)",
                asked=r".*(%2541|'%41').*",
                theirs=r"(?P<what>200 hello {'content-type': 'application/octet-stream').*attachment A'.*",
                ours=r"(?P<what>200 hello {'content-type': 'application/octet-stream').*attachment %41'.*",
            ),
        ),
    ),
    Answer(
        "files of a model version",
        "model-versions/get-artifact",
        "answers 500 when its own store is a database",
        "gives the file",
        "The file is there.",
        cases=(
            Case(
                route="GET /model-versions/get-artifact",
                theirs=f"500 INTERNAL_ERROR: {NOT_REMOTE}",
                asked=".*'path': 'MLmodel'.*",
                ours="200 flavors: {} {.*",
            ),
            Case(
                route="GET /model-versions/get-artifact",
                theirs=f"500 INTERNAL_ERROR: {NOT_REMOTE}",
                asked=".*'path': '(?P<path>nope)'.*",
                ours="404 RESOURCE_DOES_NOT_EXIST: No such artifact: '.*/(?P<path>nope)' .*",
            ),
            Case(
                route="GET /model-versions/get-artifact",
                theirs=f"500 INTERNAL_ERROR: {NOT_REMOTE}",
                asked=".*'path': ''.*",
                ours="400 INVALID_PARAMETER_VALUE: Missing value for required parameter 'path'.*",
            ),
        ),
    ),
)
