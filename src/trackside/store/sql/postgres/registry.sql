-- The `…_of_versions` queries take pairs of a registered model's number and a version, as JSON.

-- name: models_named_like
-- Not prompts, which MLflow keeps among the models.
SELECT * FROM registered_model
WHERE strpos(lower(name), lower(:text COLLATE "C")) > 0
AND (:names::json IS NULL OR (name = ANY (ARRAY(SELECT json_array_elements_text(:names)))) = (:only::bigint = 1))
AND NOT EXISTS (
  SELECT 1 FROM registered_model_tag AS prompt
  WHERE prompt.model_id = registered_model.id AND prompt.key = 'mlflow.prompt.is_prompt' AND prompt.value = 'true'
)
ORDER BY updated_ms DESC, name
LIMIT :limit;

-- name: tags_of_versions
SELECT tag.model_id, tag.version, tag.key, tag.value
FROM json_array_elements(:versions) AS wanted
JOIN model_version_tag AS tag
  ON tag.model_id = (wanted ->> 0)::bigint AND tag.version = (wanted ->> 1)::bigint
ORDER BY tag.model_id, tag.version, tag.key;

-- name: aliases_of_versions
SELECT model_id, version, alias FROM registered_model_alias
WHERE model_id = ANY (ARRAY(SELECT (wanted ->> 0)::bigint FROM json_array_elements(:versions) AS wanted))
ORDER BY model_id, alias;
