# The two commands a newcomer needs are `make demo` and `make test`; both set up what they need.

.PHONY: demo test check ui bench docs

demo:  ## train on a small food data set, tracked, and show it live (CI=1 ends by itself)
	@scripts/demo $(if $(filter-out 0 false,$(CI)),--ci) $(ARGS)

test:  ## every suite, as CI runs it
	@scripts/test

check:  ## the inner loop, in seconds: lint, types, layout, unit tests
	@scripts/check

ui:  ## build the web app into src/trackside/server/static
	@scripts/ui

bench:  ## Trackside beside MLflow and FastTrackML on this machine
	@scripts/bench $(ARGS)

docs:  ## write the generated reference anew
	@scripts/docs
