"""What a training script does with artifacts, by the real client: python client_script.py URL MEGABYTES

Fails by an assertion. Prints the run's id.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import mlflow


class Doubling(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [2 * each for each in model_input]


def sums(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path(folder).rglob("*")
        if path.is_file()
    }


mlflow.set_tracking_uri(sys.argv[1])
with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
    out = Path(folder, "out")
    (out / "deep" / "er").mkdir(parents=True)
    for number in range(5):
        (out / "deep" / f"{number} ü +.txt").write_text("x" * number)
    block = os.urandom(1 << 20)
    with (out / "deep" / "er" / "large.bin").open("wb") as large:
        for _ in range(int(sys.argv[2])):
            large.write(block)
        large.write(b"and a little more")
    mlflow.log_artifacts(str(out), "all")
    mlflow.log_dict({"a": 1}, "dict.json")
    client = mlflow.MlflowClient()
    listed = [(e.path, e.is_dir, e.file_size) for e in client.list_artifacts(run.info.run_id, "all/deep/er")]
    assert listed == [("all/deep/er/large.bin", False, (int(sys.argv[2]) << 20) + 17)], listed
    assert [e.path for e in client.list_artifacts(run.info.run_id) if e.is_dir] == ["all"]
    into = Path(folder, "in")
    into.mkdir()
    got = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="all", dst_path=str(into))
    assert sums(got) == sums(out)
    assert mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/dict.json") == {"a": 1}
    where = "name" if "name" in mlflow.pyfunc.log_model.__code__.co_varnames else "artifact_path"
    made = mlflow.pyfunc.log_model(**{where: "model"}, python_model=Doubling(), pip_requirements=[])
    assert mlflow.pyfunc.load_model(made.model_uri).unwrap_python_model().predict(None, [1, 2]) == [2, 4]
print(run.info.run_id)  # noqa: T201 - read by the test
