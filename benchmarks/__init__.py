"""The same load on Trackside and on MLflow, on one machine in one run: `scripts/bench`, or `python -m benchmarks`."""
