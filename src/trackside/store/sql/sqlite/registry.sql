-- The `…_of_models` queries take the registered models' numbers as a JSON list, the
-- `…_of_versions` queries pairs of such a number and a version.

-- name: tags_of_models
SELECT model_id, key, value FROM registered_model_tag
WHERE model_id IN (SELECT value FROM json_each(:model_ids))
ORDER BY model_id, key;

-- name: aliases_of_models
SELECT model_id, alias, version FROM registered_model_alias
WHERE model_id IN (SELECT value FROM json_each(:model_ids))
ORDER BY model_id, alias;

-- name: latest_versions_of_models
SELECT model_version.*, registered_model.name
FROM (
  SELECT model_id, stage, max(version) AS version, min(version) AS first FROM model_version
  WHERE model_id IN (SELECT value FROM json_each(:model_ids))
  GROUP BY model_id, stage
) AS newest
JOIN model_version USING (model_id, version)
JOIN registered_model ON registered_model.id = model_id
-- MLflow's order: as the stages come when one goes through the versions.
ORDER BY model_id, newest.first;

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

-- name: version_counts_of_models
SELECT model_id, count(*) AS versions, max(version) AS newest FROM model_version
WHERE model_id IN (SELECT value FROM json_each(:model_ids))
GROUP BY model_id;

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

-- name: runs_by_uuid
SELECT * FROM run WHERE uuid IN (SELECT value FROM json_each(:run_uuids));
