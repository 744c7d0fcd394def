# One word for each thing a developer does. `make help` lists them.

# An import that Package.swift does not declare is an error in every build, so that the layers of
# docs/ARCHITECTURE.md hold.
SWIFT_BUILD := swift build --explicit-target-dependency-import-check error
SWIFT_SOURCES := Package.swift Sources Tests Benchmarks Examples
MARTLET := .build/release/martlet

.PHONY: help demo build test check format format-check examples benchmark fuzz soak transcripts \
	processors bootstrap clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## train a model on real data across real processes, checked and paid for
	@$(MARTLET) demo $(DEMO_OPTIONS)

build: bootstrap ## the release binary, .build/release/martlet
	@$(SWIFT_BUILD) -c release --product martlet

test: bootstrap-test ## every test
	@Scripts/test

check: format-check test examples ## what must be green before a change is proposed

format: ## rewrite the Swift sources in the one format
	@swift format --in-place --parallel --recursive $(wildcard $(SWIFT_SOURCES))

format-check: ## fail on a source that is not in the one format
	@swift format lint --strict --parallel --recursive $(wildcard $(SWIFT_SOURCES))

examples: build ## run the examples
	@Scripts/examples

processors: ## run the kernels on other compilers and processors, where these are installed
	@Tests/Kernels/elsewhere.sh

transcripts: build ## rewrite the expected output of the recorded commands
	@Scripts/transcripts rewrite

benchmark: build ## measure, beside what we compare with, into Benchmarks/RESULTS.md
	@Scripts/bootstrap --benchmark
	@Scripts/benchmark

fuzz: bootstrap ## ten seconds of fuzzing for each parser of foreign bytes
	@Scripts/fuzz --seconds 10

soak: bootstrap-test ## the long run: fuzzing, kills and sanitizers in full counts
	@Scripts/soak

.PHONY: bootstrap-test
bootstrap: # install what a build needs; looks only, when nothing is missing
	@Scripts/bootstrap

bootstrap-test:
	@Scripts/bootstrap --browser

clean: ## forget everything that was built
	@rm -rf .build
