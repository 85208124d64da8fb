"""What cases begin with, made on both servers."""

from asks import post
from pair import Pair, unique


def make_place(scene: Pair) -> None:
    """A new {experiment} with a {run}."""
    name = unique("place")
    scene.theirs.names["named"] = scene.ours.names["named"] = name
    scene.of_both(post("experiments/create", {"name": "{named}"}, experiment="experiment_id"))
    run = {"experiment_id": "{experiment}", "run_name": "first", "start_time": 12, "user_id": "u"}
    scene.of_both(post("runs/create", run, run="run.info.run_id"))


def make_logged(scene: Pair) -> None:
    """A logged model {logged} of the run."""
    model = {"experiment_id": "{experiment}", "name": "net", "source_run_id": "{run}", "model_type": "cnn"}
    scene.of_both(post("logged-models", model, logged="model.info.model_id"))


def make_model(scene: Pair, versions: int) -> None:
    """The registered model {model} with so many versions, which come from the run."""
    scene.of_both(post("registered-models/create", {"name": "{model}"}))
    for _ in range(versions):
        version = {"name": "{model}", "source": "runs:/{run}/model", "run_id": "{run}"}
        scene.of_both(post("model-versions/create", version))
