"""The lab on one machine: PostgreSQL, S3, the server and JupyterLab, started and kept running."""
