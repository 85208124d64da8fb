-- The `…_of_versions` queries take pairs of a registered model's number and a version, as JSON.

-- name: models_named_like
-- Not prompts, which MLflow keeps among the models.
SELECT * FROM registered_model
WHERE instr(lower(name), lower(:text)) > 0
AND (:names IS NULL OR (name IN (SELECT value FROM json_each(:names))) = :only)
AND NOT EXISTS (
  SELECT 1 FROM registered_model_tag AS prompt
  WHERE prompt.model_id = registered_model.id AND prompt.key = 'mlflow.prompt.is_prompt' AND prompt.value = 'true'
)
ORDER BY updated_ms DESC, name
LIMIT :limit;

-- name: tags_of_versions
SELECT tag.model_id, tag.version, tag.key, tag.value
FROM json_each(:versions) AS wanted
CROSS JOIN model_version_tag AS tag
  ON tag.model_id = json_extract(wanted.value, '$[0]') AND tag.version = json_extract(wanted.value, '$[1]')
ORDER BY tag.model_id, tag.version, tag.key;

-- name: aliases_of_versions
SELECT model_id, version, alias FROM registered_model_alias
WHERE model_id IN (SELECT json_extract(value, '$[0]') FROM json_each(:versions))
ORDER BY model_id, alias;
