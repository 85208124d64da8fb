"""The pages for a team and on security, followed on one machine, where 127.0.0.1 plays the institution's hosts."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from lab import Lab, get
from pages import DOCS, EVAL, FENCED, NOT_RUN, follow, script

from ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

# A server stays: it is put into the background, asked until it answers, and ended with the script.
IN_BACKGROUND = """{server} &
trap 'kill %1; wait' EXIT
for _ in {{1..150}}; do python -c "import urllib.request as r; r.urlopen('{url}/health')" 2>/dev/null && break; sleep 0.1; done"""


def replaced(text: str, by: dict[str, str]) -> str:
    """With what is another thing on this machine; all of it has to be in the text."""
    for here, other in by.items():
        assert here in text, f"{here!r} is not on the page any more"
        text = text.replace(here, other)
    return text


def secrets_of(lab: Lab) -> Path:
    return lab.folder / "stack/secrets.json"


def kept(lab: Lab) -> dict[str, str]:
    return json.loads(secrets_of(lab).read_text())


def make_database(lab: Lab) -> str:
    """As docs/server.md has it made: another database of the same owner in the stack's PostgreSQL; its URL."""
    said = follow(lab, f"{EVAL}\necho $TRACKSIDE_STORE")
    found = urlsplit(said.split()[-1])

    async def make() -> None:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=found.port, user="postgres", database="postgres",
            password=kept(lab)["postgres_admin"],
        )  # fmt: skip
        await connection.execute(f"CREATE DATABASE team OWNER {found.username}")
        await connection.close()

    asyncio.run(make())
    return found._replace(path="/team").geturl()


PAGE = script("team.md", not_run={"pip install": NOT_RUN["pip install"]})
ONE_MACHINE, KEYS, ALONE = PAGE.partition("export AWS_ACCESS_KEY_ID")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started as the page for a team says; beyond this machine tests/stack/test_around.py goes."""
    made = Lab(tmp_path_factory.mktemp("team") / "lab")
    folder = shlex.quote(str(made.folder))
    here = {"sudo ": "", "--host 0.0.0.0": "--auth", "/var/lib/trackside-lab": folder}
    try:
        follow(made, replaced(ONE_MACHINE, here))
        yield made
    finally:
        if (made.folder / "stack/state.json").exists():
            made.down()


def test_the_page_of_the_team(lab: Lab) -> None:
    assert "jupyter" not in lab.parts()
    password, (port,) = lab.folder.parent / "password", free_ports(1)
    password.write_text("purple-otter-29-lamp\n")
    # The server asks for the first, `user add` for the second, where they are not given.
    files = {f"TRACKSIDE_{name}_PASSWORD_FILE": str(password) for name in ("ADMIN", "USER")}
    url = f"http://127.0.0.1:{port}"
    server = next(line for line in ALONE.splitlines() if line.startswith("trackside server "))
    here = {
        server: IN_BACKGROUND.format(server=f"{server} --port {port}", url=url),
        "--host 0.0.0.0": "--auth",
        "=KEY ": f"={kept(lab)['s3_access_key']} ",
        "=SECRET": f"={kept(lab)['s3_secret_key']}",
        "postgresql://trackside:PASSWORD@db.lab/trackside": make_database(lab),
        "https://minio.lab:9000": lab.url("s3"),
        "https://trackside.lab": url,
        "PASSWORD=\u2026": "PASSWORD=purple-otter-29-lamp",
    }
    variables = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in files.items())
    said = follow(lab, f"set -euo pipefail\n{variables}\n{replaced(KEYS + ALONE, here)}\ntrackside user list")
    assert "s3://lab-runs/trackside" in said
    assert "ann" in said.splitlines()[-1]


def test_the_page_on_security(lab: Lab) -> None:
    old = kept(lab)
    revoke, renew = (code for _, code in FENCED.findall((DOCS / "security.md").read_text()))
    admin = f"export MLFLOW_TRACKING_USERNAME=admin MLFLOW_TRACKING_PASSWORD={old['admin']}"
    said = follow(lab, f"set -euo pipefail\n{EVAL}\n{admin}\n{revoke}\ntrackside token list --all --json")
    assert "1  admin  JupyterLab  edit" in said
    assert json.loads(said.splitlines()[-1]) == {"tokens": []}

    entries = ("postgres", "s3_secret_key", "s3_console", "jupyter", "tracking_token")
    delete = (
        "import json, pathlib, sys\npath = pathlib.Path(sys.argv[1])\n"
        f"kept = {{key: value for key, value in json.loads(path.read_text()).items() if key not in {entries}}}\n"
        "path.write_text(json.dumps(kept))"
    )
    edit = f"python -c {shlex.quote(delete)} {shlex.quote(str(secrets_of(lab)))}"
    same = "export TRACKSIDE_AUTH=1 TRACKSIDE_WITHOUT=jupyter"  # as it was started
    here = {"nano trackside-data/stack/secrets.json": edit}
    follow(lab, f"set -euo pipefail\n{same}\n{replaced(renew, here)}")
    new = kept(lab)
    assert {key for key, value in old.items() if new[key] != value} == set(entries)
    assert secrets_of(lab).stat().st_mode & 0o777 == 0o600
    lab.all_ready()
    bearer = f"Bearer {new['tracking_token']}"
    page = get(f"{lab.url('server')}/api/2.0/mlflow/experiments/get?experiment_id=0", Authorization=bearer)
    assert b"Default" in page
