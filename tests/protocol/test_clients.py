"""Unmodified mlflow clients of three releases tell the same story on Trackside as on MLflow's own server.

What the chapters do is in client_story/, which runs in each client's own virtual environment; here is what they must
have seen.
"""

import pytest
from stories import Story

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


TRAINED = {
    "status": "FINISHED",
    "name": "baseline",
    "stage": "active",
    "ended": True,
    "params": {
        "lr": "0.0001",
        "batch_size": "32",
        "pretrained": "True",
        "optimizer": "Adam",
        "note": "",
        "total_epochs": "3",
    },
    "metrics": {
        "train_loss": 1.5,
        "val_loss": 1.5,
        "val_accuracy": 0.5,
        "test_accuracy": 0.75,
        "epoch_time": 12.0,
    },
    "experiment_found": True,
    "experiment_stage": "active",
    "no_such_experiment": True,
    "run_id_length": 32,
    "artifact_uri_is_proxied": True,
    "val_loss": [[0, 2.5], [1, 2.0], [2, 1.5]],
    "absent_history": [],
    "gpu_info": "no GPU found",
}


def test_a_training_run_is_kept_whole(story: Story) -> None:
    seen = story.chapter("training_run")
    tags = seen.pop("tags")
    assert tags.items() >= {
        ("mlflow.note.content", "## Result\nGood ✓ 好"),
        ("mlflow.runName", "baseline"),
        ("early_stopping", "yes"),
        ("priority", "1"),
        ("mlflow.source.type", "LOCAL"),
    }
    assert "team" not in tags
    assert seen == TRAINED


def test_system_metrics_arrive_sample_by_sample(story: Story) -> None:
    seen = story.chapter("system_metrics")
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= set(seen["keys"])
    assert seen["steps"] == list(range(len(seen["steps"])))
    assert len(seen["steps"]) >= 2
    assert all(0 <= value <= 100 for value in seen["values"])


def test_children_know_their_parent(story: Story) -> None:
    assert story.chapter("nested_runs") == {
        "children": ["trial-0", "trial-1"],
        "parents": [True, True],
        "get_parent": "sweep",
    }


def test_a_run_is_resumed_renamed_and_ends_in_each_way(story: Story) -> None:
    assert story.chapter("resume_and_ends") == {
        "same_run": True,
        "during": "RUNNING",
        "after": "FINISHED",
        "renamed": ["whole", {"lr": "0.1"}],
        "name_tag": "whole",
        "history": [[0, 2.0], [1, 1.0]],
        "killed": "KILLED",
        "failed": "FAILED",
    }


def test_every_metric_value_and_step_is_kept(story: Story) -> None:
    assert story.chapter("metric_values") == {
        "odd": [
            [0, "nan"],
            [1, "1.7976931348623157e+308"],
            [2, "-1.7976931348623157e+308"],
            [3, "1e-300"],
            [4, "-0.1"],
        ],
        "order": [[2**40, 4.0], [5, 1.0], [5, 3.0], [-3, 2.0]],
        "latest": 4.0,
        "key": 1.0,
    }


def test_batches_and_asynchronous_logging(story: Story) -> None:
    assert story.chapter("batches") == {
        "loss": True,
        "metrics": 1502,
        "m1499": 1499.0,
        "params": 251,
        "long": [6000, 8000],
        "asynchronous": True,
    }


def test_the_git_commit_is_kept(story: Story) -> None:
    assert story.chapter("git_commit") == {"commit": True, "source": "train.py", "type": "LOCAL"}


SEARCHED = {
    "filters": {
        "metrics.test_accuracy > 0.6": ["b", "d"],
        "metrics.test_accuracy <= 0.5 and params.model = 'MobileNetV2'": ["a"],
        "params.model != 'MobileNetV2'": ["b", "d", "f"],
        "params.model LIKE 'Mobile%'": ["a", "c", "e"],
        "params.model ILIKE 'mobile%'": ["a", "c", "e"],
        "tags.odd = 'yes' AND attributes.status = 'FINISHED'": ["b", "d"],
        "attributes.run_name = 'a'": ["a"],
        "params.`batch size` = '32'": ["a"],
        "start_time > 0 and metrics.test_accuracy = 0.7": ["d"],
        "tags.absent = 'x'": [],
    },
    "orders": {
        "metrics.test_accuracy DESC": ["b", "d", "a", "f", "e", "c"],
        "metrics.test_accuracy ASC": ["f", "a", "d", "b", "e", "c"],
        "params.model ASC attributes.run_name DESC": ["e", "c", "a", "f", "d", "b"],
        "attributes.start_time ASC": ["a", "b", "c", "d", "e", "f"],
        "": ["f", "e", "d", "c", "b", "a"],
    },
    "pages": [["b", "d"], ["a", "f"], ["e", "c"]],
    "none": [],
    "deleted_only": [],
    "columns": [
        "artifact_uri",
        "end_time",
        "experiment_id",
        "metrics.test_accuracy",
        "params.batch size",
        "params.model",
        "run_id",
        "start_time",
        "status",
        "tags.odd",
    ],
    "table": ["b", "d", "a", "f", "e", "c"],
    "best": 0.9,
    "by_name": ["b", "d", "f"],
}


def test_runs_are_found_ordered_and_paged(story: Story) -> None:
    assert story.chapter("search_runs") == SEARCHED


def test_experiments_are_found(story: Story) -> None:
    assert story.chapter("search_experiments") == {
        "like": ["se-find-one", "se-find-two"],
        "tag": ["se-other"],
        "newest": "se-other",
        "page": 2,
        "tags": {"group": "othe"},
    }


def test_a_deleted_run_comes_back_whole(story: Story) -> None:
    assert story.chapter("deleted_runs") == {
        "active": ["stays"],
        "deleted": ["gone"],
        "all": ["gone", "stays"],
        "stage_when_deleted": "deleted",
        "restored": ["gone", "stays"],
        "metric": {"loss": 1.0},
        "artifact": "kept",
    }


def test_a_deleted_experiment_comes_back_with_its_runs(story: Story) -> None:
    assert story.chapter("deleted_experiments") == {
        "refusal": "INVALID_PARAMETER_VALUE",
        "deleted_stage": "deleted",
        "run_stage_when_deleted": "deleted",
        "listed": True,
        "restored": ["renamed", "active", {"a": "1", "b": "2"}],
        "run_stage": "active",
        "old_name_is_free": True,
    }


def test_text_dict_figure_image_and_table(story: Story) -> None:
    seen = story.chapter("logged_objects")
    assert seen == {
        "text": "<b>hello</b> ✓",
        "json": {"lr": 0.1, "layers": [1, 2]},
        "figure": [640, 480],
        "image": True,
        "stepped": [".png", ".png", ".webp", ".webp"],
        "table": {"label": ["soup", "rice", "egg"], "score": [0.5, 0.25, 1.0]},
        "table_tag": '[{"path": "table.json", "type": "table"}]',
        "top": [
            ["config.json", False],
            ["config.yaml", False],
            ["figures", True],
            ["images", True],
            ["table.json", False],
            ["texts", True],
        ],
    }


def test_files_and_folders_come_back_byte_for_byte(story: Story) -> None:
    assert story.chapter("files_and_folders") == {
        "whole": {
            "all/deep/er/leaf.bin": 256,
            "all/empty": 0,
            "all/large.bin": 24 << 20,
            "as-folder/deep/er/leaf.bin": 256,
            "copies/leaf.bin": 256,
            "copies/note.txt": 11,
            "empty": 0,
        },
        "large": True,
        "leaf": True,
        "by_uri": {"leaf.bin": 256, "note.txt": 11},
        "root": [
            ["all", True, None],
            ["as-folder", True, None],
            ["copies", True, None],
            ["empty", False, 0],
        ],
        "copies": [["copies/leaf.bin", False, 256], ["copies/note.txt", False, 11]],
        "of_a_file": [],
        "missing": [],
        "overwritten": "two, longer",
    }


def test_odd_file_names(story: Story) -> None:
    seen = story.chapter("odd_names")
    names = ["50%.txt", "a=b;c,d.txt", "dot.name.tar.gz", "grüße-好.txt", "plus+and&.txt", "with space.txt"]
    assert seen["listed"] == [f"odd folder ü/{name}" for name in names]
    assert seen["read"] == {name: f"in {name}" for name in names}


def test_logged_inputs(story: Story) -> None:
    assert story.chapter("logged_inputs") == {
        "names": ["food11-labels", "food11-pixels"],
        "count": 2,
        "tags": {
            "food11-labels": {"mlflow.data.context": "training", "split": "mini"},
            "food11-pixels": {"mlflow.data.context": "evaluation"},
        },
        "digests": [True, True],
        "schema": True,
        "profile": '{"num_rows": 2, "num_elements": 4}',
        "source": "labels.csv",
        "found": [1, 1, 0],
    }


def test_a_pytorch_model_is_loaded_back_and_registered(story: Story) -> None:
    seen = story.chapter("pytorch_model")
    listed = seen.pop("listed")
    assert {"MLmodel", "conda.yaml", "data", "python_env.yaml", "requirements.txt"} <= set(listed)
    # Some clients add a note of their own about the registered model to what they fetch.
    assert set(seen.pop("files")) - {"registered_model_meta"} == set(listed)
    assert seen == {
        "from_run": True,
        "from_registry": True,
        "from_info": True,
        "registered": ["food11", "1", True],
        "version": ["READY", "None", True],
        "versions": [["food11", "1"]],
        "by_run": ["1"],
    }


def test_a_model_is_registered_while_it_is_logged(story: Story) -> None:
    assert story.chapter("registered_while_logging") == {
        "versions": ["1", "2"],
        "runs": [True, True],
        "by_alias": True,
        "latest": True,
        "pyfunc": True,
    }


def test_a_logged_model_is_an_entity_of_its_own(story: Story) -> None:
    seen = story.chapter("logged_model_entity")
    if not story.is_3:
        assert seen == {"supported": False}
        return
    assert seen == {
        "supported": True,
        "id": True,
        "name": "food11",
        "status": "READY",
        "params": {"depth": "3", "lr": "0.1"},
        "tags": {"stage": "best"},
        "metrics": [["val_accuracy", 1, 0.5], ["val_accuracy", 2, 0.6]],
        "source_run": True,
        "outputs": [[True, 2]],
        "found": [1, 0],
        "loads": [True, True],
        "registered": [False, True],
        "last": True,
        "after_delete": 0,
    }


def test_versions_tags_and_aliases(story: Story) -> None:
    assert story.chapter("model_versions") == {
        "model": ["all of it", {"owner": "me"}, {"champion": "2"}],
        "one": ["first", {"made": "changed", "accuracy": "0.5"}, [], True, "READY"],
        "two": [{}, ["champion"]],
        "by_alias": "2",
        "uri": True,
        "by_tag": ["1"],
        "file": "weights",
        "models": ["classifier"],
    }


def test_stages(story: Story) -> None:
    assert story.chapter("model_stages") == {
        "moved": "Production",
        "stages": {"1": "Archived", "2": "Production", "3": "Staging"},
        "latest": {"Archived": "1", "Production": "2", "Staging": "3"},
        "production": ["2"],
    }


def test_models_are_renamed_and_deleted(story: Story) -> None:
    assert story.chapter("renamed_and_deleted") == {
        "gone": "RESOURCE_DOES_NOT_EXIST",
        "third": "3",
        "description": "text",
        "aliases": {},
        "left": [],
        "versions_left": 0,
    }


def test_autolog_of_lightning(story: Story) -> None:
    assert story.chapter("lightning_training") == {
        "status": "FINISHED",
        "params": {"epochs": "2", "optimizer_name": "Adam", "lr": "0.01"},
        "steps": [0, 1],
        "falls": True,
        "summary": True,
        "loaded": True,
    }
