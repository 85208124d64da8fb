"""Every route of the server and what it asks of the sender. A route that is not here fails test_access_routes.py.

A path below /api/ stands for its twin below /ajax-api/ too.
"""

TABLE = """
coming from this server's own pages
  POST /signin
  POST /signout
  POST /setup
being an admin
  POST /api/2.0/mlflow/users/create
  PATCH /api/2.0/mlflow/users/update-admin
  DELETE /api/2.0/mlflow/users/delete
  POST /api/2.0/mlflow/webhooks
  GET /api/2.0/mlflow/webhooks
  GET /api/2.0/mlflow/webhooks/{webhook_id}
  PATCH /api/2.0/mlflow/webhooks/{webhook_id}
  DELETE /api/2.0/mlflow/webhooks/{webhook_id}
  POST /api/2.0/mlflow/webhooks/{webhook_id}/test
  GET /api/trackside/v1/audit
  POST /api/trackside/v1/gc
being signed in
  POST /api/2.0/mlflow/experiments/search
  GET /api/2.0/mlflow/experiments/search
  POST /api/2.0/mlflow/runs/search
  GET /version
  POST /api/2.0/mlflow/logged-models/search
  GET /api/2.0/mlflow/registered-models/search
  GET /api/2.0/mlflow/model-versions/search
  GET /api/2.0/mlflow/users/list
  GET /api/2.0/mlflow/users/current
  GET /api/3.0/mlflow/users/current/permissions
  GET /api/trackside/v1/experiments
  POST /api/trackside/v1/runs/query
  GET /api/trackside/v1/models
  GET /api/trackside/v1/me
  GET /api/trackside/v1/tokens
being signed in with more than a limited token
  POST /api/trackside/v1/tokens
  DELETE /api/trackside/v1/tokens/{token_id}
being that user, or an admin
  GET /api/2.0/mlflow/users/get
  PATCH /api/2.0/mlflow/users/update-password
  GET /api/3.0/mlflow/users/permissions/get
  GET /api/3.0/mlflow/users/permissions/list
being that user, or managing the workspace
  GET /api/3.0/mlflow/users/roles/list
delete experiment
  POST /api/2.0/mlflow/experiments/delete
  POST /api/2.0/mlflow/experiments/restore
  DELETE /api/trackside/v1/experiments/{experiment_id}
  POST /api/trackside/v1/experiments/{experiment_id}/restore
delete logged model
  DELETE /api/2.0/mlflow/logged-models/{model_id}
delete model version
  DELETE /api/2.0/mlflow/model-versions/delete
  DELETE /api/2.0/mlflow/model-versions/delete-tag
  DELETE /api/trackside/v1/models/{name}/versions/{version}
  DELETE /api/trackside/v1/models/{name}/versions/{version}/tags/{key:path}
delete registered model
  DELETE /api/2.0/mlflow/registered-models/delete
  DELETE /api/trackside/v1/models/{name}
delete registered model, read its versions
  DELETE /api/2.0/mlflow/registered-models/alias
  DELETE /api/trackside/v1/models/{name}/aliases/{alias}
delete run
  POST /api/2.0/mlflow/runs/delete
  POST /api/2.0/mlflow/runs/restore
  DELETE /api/trackside/v1/runs/{run_id}
  POST /api/trackside/v1/runs/{run_id}/restore
having a role in the workspaces named, or being an admin
  GET /api/3.0/mlflow/roles/list
having a role in that workspace, or being an admin
  GET /api/3.0/mlflow/roles/get
  GET /api/3.0/mlflow/roles/permissions/list
manage artifact path
  DELETE /api/2.0/mlflow-artifacts/artifacts/{path:path}
manage experiment
  POST /api/2.0/mlflow/experiments/permissions/create
  GET /api/2.0/mlflow/experiments/permissions/get
  PATCH /api/2.0/mlflow/experiments/permissions/update
  DELETE /api/2.0/mlflow/experiments/permissions/delete
manage registered model
  POST /api/2.0/mlflow/registered-models/permissions/create
  GET /api/2.0/mlflow/registered-models/permissions/get
  PATCH /api/2.0/mlflow/registered-models/permissions/update
  DELETE /api/2.0/mlflow/registered-models/permissions/delete
manage what the grant is on
  POST /api/3.0/mlflow/users/permissions/grant
  POST /api/3.0/mlflow/users/permissions/revoke
managing the workspace, or being an admin
  GET /api/3.0/mlflow/roles/users/list
  POST /api/3.0/mlflow/roles/create
  PATCH /api/3.0/mlflow/roles/update
  DELETE /api/3.0/mlflow/roles/delete
  POST /api/3.0/mlflow/roles/permissions/add
  DELETE /api/3.0/mlflow/roles/permissions/remove
  PATCH /api/3.0/mlflow/roles/permissions/update
  POST /api/3.0/mlflow/roles/assign
  DELETE /api/3.0/mlflow/roles/unassign
nothing
  GET /health
  GET /api/3.0/mlflow/server-info
  GET /api/trackside/v1/info
  GET /api/trackside/v1/openapi.json
  GET /signin
  GET /setup
  GET /
  GET /assets/{path:path}
  GET /licenses.txt
permission to create experiments
  POST /api/2.0/mlflow/experiments/create
  POST /api/trackside/v1/experiments
permission to create registered models
  POST /api/2.0/mlflow/registered-models/create
  POST /api/trackside/v1/models
read artifact path
  GET /api/2.0/mlflow-artifacts/artifacts
  GET /api/2.0/mlflow-artifacts/artifacts/{path:path}
  GET /api/2.0/mlflow-artifacts/presigned/{path:path}
read experiment
  GET /api/2.0/mlflow/experiments/get
  GET /api/2.0/mlflow/experiments/get-by-name
  GET /api/trackside/v1/experiments/{experiment_id}
  GET /api/trackside/v1/experiments/{experiment_id}/columns
read experiments
  POST /ajax-api/2.0/mlflow/experiments/search-datasets
read logged model
  GET /api/2.0/mlflow/logged-models/{model_id}
  GET /api/2.0/mlflow/logged-models/{model_id}/artifacts/directories
  GET /ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files
read model version
  POST /api/2.0/mlflow/registered-models/get-latest-versions
  GET /api/2.0/mlflow/registered-models/get-latest-versions
  GET /api/2.0/mlflow/registered-models/alias
  GET /api/2.0/mlflow/model-versions/get
  GET /api/2.0/mlflow/model-versions/get-download-uri
  GET /model-versions/get-artifact
  GET /api/trackside/v1/models/{name}/versions/{version}
  GET /api/trackside/v1/models/{name}/versions/{version}/artifacts
  GET /api/trackside/v1/models/{name}/versions/{version}/artifacts/file
read registered model
  GET /api/2.0/mlflow/registered-models/get
  GET /api/trackside/v1/models/{name}
read run
  GET /api/2.0/mlflow/runs/get
  GET /api/2.0/mlflow/metrics/get-history
  GET /api/2.0/mlflow/artifacts/list
  GET /get-artifact
  GET /api/trackside/v1/runs/{run_id}
  GET /api/trackside/v1/runs/{run_id}/artifacts
  GET /api/trackside/v1/runs/{run_id}/artifacts/file
read run or logged model
  POST /api/2.0/mlflow/artifacts/presigned-download-url
read runs
  GET /api/2.0/mlflow/metrics/get-history-bulk
  GET /api/2.0/mlflow/metrics/get-history-bulk-interval
  POST /api/trackside/v1/series/query
read what each topic is about
  GET /api/trackside/v1/events
update artifact path
  PUT /api/2.0/mlflow-artifacts/artifacts/{path:path}
  POST /api/2.0/mlflow-artifacts/mpu/create/{path:path}
  POST /api/2.0/mlflow-artifacts/mpu/complete/{path:path}
  POST /api/2.0/mlflow-artifacts/mpu/abort/{path:path}
update experiment and source run
  POST /api/2.0/mlflow/logged-models
update experiment
  POST /api/2.0/mlflow/experiments/update
  POST /api/2.0/mlflow/experiments/set-experiment-tag
  POST /api/2.0/mlflow/experiments/delete-experiment-tag
  POST /api/2.0/mlflow/runs/create
  PATCH /api/trackside/v1/experiments/{experiment_id}
update logged model
  PATCH /api/2.0/mlflow/logged-models/{model_id}
  PATCH /api/2.0/mlflow/logged-models/{model_id}/tags
  DELETE /api/2.0/mlflow/logged-models/{model_id}/tags/{tag_key:path}
  POST /api/2.0/mlflow/logged-models/{model_id}/params
update model version
  PATCH /api/2.0/mlflow/model-versions/update
  POST /api/2.0/mlflow/model-versions/transition-stage
  POST /api/2.0/mlflow/model-versions/set-tag
  PATCH /api/trackside/v1/models/{name}/versions/{version}
  PUT /api/trackside/v1/models/{name}/versions/{version}/tags/{key:path}
update registered model
  PATCH /api/2.0/mlflow/registered-models/update
  POST /api/2.0/mlflow/registered-models/rename
  POST /api/2.0/mlflow/registered-models/set-tag
  DELETE /api/2.0/mlflow/registered-models/delete-tag
  PATCH /api/trackside/v1/models/{name}
  PUT /api/trackside/v1/models/{name}/tags/{key:path}
  DELETE /api/trackside/v1/models/{name}/tags/{key:path}
update registered model (or create it), read the run
  POST /api/trackside/v1/models/{name}/versions
update registered model, read its versions
  POST /api/2.0/mlflow/registered-models/alias
  PUT /api/trackside/v1/models/{name}/aliases/{alias}
update registered model, read the source
  POST /api/2.0/mlflow/model-versions/create
update run
  POST /api/2.0/mlflow/runs/update
  POST /api/2.0/mlflow/runs/log-parameter
  POST /api/2.0/mlflow/runs/set-tag
  POST /api/2.0/mlflow/runs/delete-tag
  POST /ajax-api/2.0/mlflow/upload-artifact
  POST /api/2.0/mlflow/runs/log-model
  PATCH /api/trackside/v1/runs/{run_id}
  PUT /api/trackside/v1/runs/{run_id}/tags/{key:path}
  DELETE /api/trackside/v1/runs/{run_id}/tags/{key:path}
update run and logged model
  POST /api/2.0/mlflow/runs/log-metric
update run and logged models
  POST /api/2.0/mlflow/runs/log-batch
  POST /api/2.0/mlflow/runs/log-inputs
  POST /api/2.0/mlflow/runs/outputs
update run or logged model
  POST /api/2.0/mlflow/artifacts/presigned-upload-url
"""
