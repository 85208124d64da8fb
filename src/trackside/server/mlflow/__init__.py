"""MLflow's REST surface: its paths, shapes and words, one module per noun."""
