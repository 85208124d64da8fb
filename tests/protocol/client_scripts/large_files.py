"""A client that is told to send and fetch files in parts: it must find that the server cannot, and do without.

python large_files.py http://127.0.0.1:8000 auto|forced
"""

import os
import sys
import tempfile
from pathlib import Path

SIZE = 3 * 1024**2
os.environ |= {
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(1024**2),
    "MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE": str(1024**2),
    "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(1024**2),
    "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": str(1024**2),
}
if sys.argv[2] == "forced":
    os.environ |= {
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
    }

import mlflow  # noqa: E402

mlflow.set_tracking_uri(sys.argv[1])
content = os.urandom(SIZE)
with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
    for name in ("a.bin", "deep/b.bin"):
        file = Path(folder, "out", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    mlflow.log_artifact(str(Path(folder, "out", "a.bin")), "one")
    mlflow.log_artifacts(str(Path(folder, "out")), "all")
    for name in ("one/a.bin", "all/a.bin", "all/deep/b.bin"):
        target = Path(folder, "in", name).parent
        target.mkdir(parents=True, exist_ok=True)
        uri = f"runs:/{run.info.run_id}/{name}"
        got = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(target))
        assert Path(got).read_bytes() == content, name
