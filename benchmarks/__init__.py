"""The same load on Trackside, MLflow and FastTrackML, on one machine in one run: `scripts/bench`, or `python -m benchmarks`."""
