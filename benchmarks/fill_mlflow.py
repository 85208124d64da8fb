"""Runs for a search, put into MLflow's PostgreSQL database by SQL: through its API 10,000 take six minutes.

The rows are those that the requests of `workloads.filled` make. On SQLite the API fills it.
"""

_METRICS = """
INSERT INTO {table} (run_uuid, key, value, timestamp, step, is_nan)
SELECT md5('{experiment}/' || i), 'm' || k, (i * 7919 + k) % 10007, 1, 1, false
FROM generate_series(0, {last}) i, generate_series(0, 9) k
"""
_STATEMENTS = (
    """
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, source_version, user_id, status,
  start_time, lifecycle_stage, artifact_uri, experiment_id)
SELECT md5('{experiment}/' || i), 'run ' || i, 'UNKNOWN', '', '', '', '', 'RUNNING', 1700000000000 + i, 'active',
  'mlflow-artifacts:/{experiment}/' || md5('{experiment}/' || i) || '/artifacts', {experiment}
FROM generate_series(0, {last}) i
""",
    _METRICS.replace("{table}", "metrics"),
    _METRICS.replace("{table}", "latest_metrics"),
    """
INSERT INTO params (run_uuid, key, value)
SELECT md5('{experiment}/' || i), 'p' || k, (i + k) % 97 FROM generate_series(0, {last}) i, generate_series(0, 9) k
""",
    """
INSERT INTO tags (run_uuid, key, value)
SELECT md5('{experiment}/' || i), 't' || k, (i % 13)::text FROM generate_series(0, {last}) i, generate_series(0, 4) k
UNION ALL
SELECT md5('{experiment}/' || i), 'mlflow.runName', 'run ' || i FROM generate_series(0, {last}) i
""",
    # PostgreSQL would do it by itself some time later; until then it plans these searches badly.
    "ANALYZE",
)


def statements(experiment: str, runs: int) -> list[str]:
    """SQL that adds that many runs to an experiment that is there."""
    return [sql.format(experiment=int(experiment), last=runs - 1) for sql in _STATEMENTS]
