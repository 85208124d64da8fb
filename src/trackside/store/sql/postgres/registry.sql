-- The `…_of_models` queries take the registered models' numbers as a JSON list, the
-- `…_of_versions` queries pairs of such a number and a version.

-- name: tags_of_models
SELECT model_id, key, value FROM registered_model_tag
WHERE model_id = ANY (ARRAY(SELECT json_array_elements_text(:model_ids)::bigint))
ORDER BY model_id, key;

-- name: aliases_of_models
SELECT model_id, alias, version FROM registered_model_alias
WHERE model_id = ANY (ARRAY(SELECT json_array_elements_text(:model_ids)::bigint))
ORDER BY model_id, alias;

-- name: latest_versions_of_models
SELECT model_version.*, registered_model.name
FROM (
  SELECT model_id, stage, max(version) AS version, min(version) AS first FROM model_version
  WHERE model_id = ANY (ARRAY(SELECT json_array_elements_text(:model_ids)::bigint))
  GROUP BY model_id, stage
) AS newest
JOIN model_version USING (model_id, version)
JOIN registered_model ON registered_model.id = model_id
-- MLflow's order: as the stages come when one goes through the versions.
ORDER BY model_id, newest.first;

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

-- name: version_counts_of_models
SELECT model_id, count(*) AS versions, max(version) AS newest FROM model_version
WHERE model_id = ANY (ARRAY(SELECT json_array_elements_text(:model_ids)::bigint))
GROUP BY model_id;

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

-- name: runs_by_uuid
SELECT * FROM run WHERE uuid = ANY (ARRAY(SELECT json_array_elements_text(:run_uuids)));
