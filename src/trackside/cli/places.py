"""Options that say where a store is: the same for the server and for the commands that look after it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from trackside.config import ServerSettings, StorageSettings


HERE = Path("trackside-data")  # the data folder when none is named
DataDir = Annotated[
    Path, typer.Option(envvar="TRACKSIDE_DATA_DIR", help="Folder of the database and the artifacts.")
]


class Addressing(StrEnum):
    """Where a request names the bucket."""

    PATH = "path"
    VIRTUAL = "virtual"


def _store(value: str) -> str:
    if value and not value.startswith(("postgresql://", "postgres://")):
        # Not shown: there may be a password in it.
        raise typer.BadParameter("it must begin with postgresql://; without the option the store is SQLite.")
    return value


def _store_option(variable: str) -> Any:
    return typer.Option(
        "--store",
        envvar=variable,
        callback=_store,
        help="postgresql://USER:PASSWORD@HOST/DATABASE; without it SQLite below the data folder.",
    )


StoreUrl = Annotated[str, _store_option("TRACKSIDE_STORE")]
# Of commands that ask a running server unless they are told otherwise: not by what is set for the server.
GcStoreUrl = Annotated[str, _store_option("TRACKSIDE_GC_STORE")]
UserStoreUrl = Annotated[str, _store_option("TRACKSIDE_USER_STORE")]
ArtifactsUrl = Annotated[
    str,
    typer.Option(
        "--artifacts",
        envvar="TRACKSIDE_ARTIFACTS",
        help="Where artifacts are kept: s3://bucket/prefix (also gs://, az://). Without it: a folder of the data folder."
        " Keys: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile of ~/.aws/credentials.",
    ),
]
S3Endpoint = Annotated[
    str,
    typer.Option(
        "--s3-endpoint",
        envvar="TRACKSIDE_S3_ENDPOINT",
        help="Address of an S3 server that is not AWS's, such as https://minio.lab:9000; or AWS_ENDPOINT_URL.",
    ),
]
S3PublicEndpoint = Annotated[
    str,
    typer.Option(
        "--s3-public-endpoint",
        envvar="TRACKSIDE_S3_PUBLIC_ENDPOINT",
        help="Its address as clients reach it. Given, mlflow's clients are told that they may move large files directly.",
    ),
]
S3Addressing = Annotated[
    Addressing | None,
    typer.Option(
        "--s3-addressing",
        envvar="TRACKSIDE_S3_ADDRESSING",
        help="Name the bucket in the path or in the host (virtual).",
        show_default="path with --s3-endpoint, else virtual",
    ),
]
S3AllowHttp = Annotated[
    bool,
    typer.Option(
        "--s3-allow-http",
        envvar="TRACKSIDE_S3_ALLOW_HTTP",
        help="Let an endpoint beyond this machine be http://: files and keys' signatures go unencrypted.",
    ),
]


def storage_at(
    url: str, endpoint: str, public_endpoint: str, addressing: Addressing | None, allow_http: bool
) -> StorageSettings | None:
    """The settings of an object store; None for a folder. Raises ValueError."""
    from trackside.config import storage_settings

    if not url:
        return None
    return storage_settings(
        url,
        endpoint=endpoint,
        public_endpoint=public_endpoint,
        addressing=None if addressing is None else "path" if addressing is Addressing.PATH else "virtual",
        allow_http=allow_http,
    )


def without_files(settings: ServerSettings) -> str:
    """What is wrong with the place of artifacts: a folder that is not there is not theirs. Empty if nothing is."""
    if settings.storage is not None or settings.artifact_dir.is_dir():
        return ""
    return f"There are no artifacts in {settings.data_dir}: name the server's --data-dir, or its --artifacts s3://…"
