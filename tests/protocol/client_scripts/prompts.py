"""The prompt registry, as its users use it: prompts are registered models that nobody sees as models.

python prompts.py http://127.0.0.1:8000
"""

import sys
import uuid
from collections.abc import Callable

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

mlflow.set_tracking_uri(sys.argv[1])
client, genai = MlflowClient(), mlflow.genai
name = f"greeting-{uuid.uuid4().hex}"


def refusal(act: Callable[[], object]) -> str:
    try:
        act()
    except MlflowException as error:
        return str(error)
    raise AssertionError("it was not refused")


first = genai.register_prompt(name, "Hello {{who}}!", commit_message="first", tags={"author": "ann"})
second = genai.register_prompt(name, "Hi {{who}}!", tags={"author": "bob"})
assert [first.version, second.version] == [1, 2]
chat = genai.register_prompt(f"{name}-chat", [{"role": "user", "content": "Hi {{who}}"}])
assert chat.template == [{"role": "user", "content": "Hi {{who}}"}]
assert genai.load_prompt(name, version=1).commit_message == "first"
assert genai.load_prompt(f"prompts:/{name}/2").format(who="you") == "Hi you!"
assert genai.load_prompt(f"prompts:/{name}@latest").version == 2
assert "not found" in refusal(lambda: genai.load_prompt(name, version=9))
assert genai.load_prompt(name, version=9, allow_missing=True) is None

genai.set_prompt_alias(name, "production", 1)
assert genai.load_prompt(f"prompts:/{name}@production").version == 1
genai.delete_prompt_alias(name, "production")
client.set_prompt_tag(name, "team", "vision")
assert client.get_prompt(name).tags["team"] == "vision"
client.set_prompt_version_tag(name, 1, "checked", "yes")
assert genai.load_prompt(name, version=1).tags == {"author": "ann", "checked": "yes"}
client.delete_prompt_version_tag(name, 1, "checked")

found = {prompt.name for prompt in genai.search_prompts(filter_string=f"name LIKE '{name}%'")}
assert found == {name, f"{name}-chat"}
assert [prompt.name for prompt in genai.search_prompts(filter_string="tags.team = 'vision'")].count(name) == 1
assert sorted(version.version for version in client.search_prompt_versions(name)) == [1, 2]

# Not seen among the models, and no model can have the name.
assert not [model.name for model in client.search_registered_models() if model.name.startswith(name)]
assert not client.search_model_versions(f"name = '{name}'")
assert "already taken by a prompt" in refusal(lambda: client.create_registered_model(name))
client.create_registered_model(f"{name}-model")
assert "exists with the same name" in refusal(lambda: genai.register_prompt(f"{name}-model", "x"))
assert [model.name for model in client.search_registered_models(f"name LIKE '{name}%'")] == [f"{name}-model"]

with mlflow.start_run() as run:
    genai.load_prompt(name, version=1)
assert name in client.get_run(run.info.run_id).data.tags["mlflow.linkedPrompts"]

client.delete_prompt_version(name, "1")
client.delete_prompt(name)
assert client.get_prompt(name) is None
