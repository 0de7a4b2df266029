# Short commands over the CMake presets. `make` lists them.
JOBS ?= $(shell nproc)
PYTHON := /usr/bin/python3
TIER ?= all
ARGS ?=

export PYTHONDONTWRITEBYTECODE = 1
export CTEST_PARALLEL_LEVEL ?= $(JOBS)
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS ?= external_symbolizer_path=/usr/bin/llvm-symbolizer-19 suppressions=$(CURDIR)/tests/support/tsan_suppressions.txt

.DEFAULT_GOAL := help
.PHONY: help setup build run run-services test faults lint format test-locust asan tsan fuzz bench instructions clean package package-test setup-run setup-test setup-lint setup-bench setup-package

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup:  ## install the Debian packages needed (TIER=run, test, lint, bench or all)
	@scripts/setup.sh $(TIER)

setup-run setup-test setup-lint setup-bench setup-package:
	@scripts/setup.sh $(@:setup-%=%)

build: setup-run  ## squadload, squad-api and squad-providers in build/release/bin
	@test -f build/release/build.ninja || cmake --preset release -D SQUADLOAD_TESTS=OFF
	@cmake --build --preset release --target squadload squad_api squad_providers --parallel $(JOBS)

run: build  ## build, then warm_up for a minute: load, Squad API and simulated providers in one process
	@scripts/run_demo.sh $(ARGS)

run-services: setup-test build  ## the three scenarios against squad-api with redis-server and postgresql, some 8 minutes
	@scripts/run_services.sh $(ARGS)

test: setup-test  ## build and run all tests
	@cmake --preset release -D SQUADLOAD_TESTS=ON
	@cmake --build --preset release --parallel $(JOBS)
	@scripts/test.sh

test-locust: setup-test build  ## squadload worker under stock masters: Debian's Locust and PyPI's, some 7 minutes
	@SQUADLOAD_LOCUST=$$(scripts/locust_venv.sh) $(PYTHON) -m pytest tests/e2e/test_locust_worker.py

faults: setup-test build  ## floods, outages, storms and lost stores at full length, some 10 minutes
	@SQUADLOAD_FAULTS_WINDOW=20 $(PYTHON) -m pytest tests/faults -v -s

lint: setup-lint  ## layers, style, format, clang-tidy
	@$(PYTHON) scripts/check_layers.py
	@$(PYTHON) scripts/check_style.py
	@scripts/lint.sh

format:  ## clang-format every source file in place
	@git ls-files -co --exclude-standard '*.cc' '*.h' | xargs clang-format-19 -i

asan: setup-test  ## unit and simulation tests under ASan and UBSan (g++)
	@cmake --preset asan && cmake --build --preset asan --parallel $(JOBS) && ctest --preset asan

tsan: setup-test setup-lint  ## the same under TSan (clang 19)
	@cmake --preset tsan && cmake --build --preset tsan --parallel $(JOBS) && ctest --preset tsan

fuzz: setup-lint  ## every fuzz target for SECONDS_EACH seconds (default 30)
	@cmake --preset fuzz && cmake --build --preset fuzz --parallel $(JOBS) && scripts/fuzz.sh

package: setup-package build  ## build/package/squadload_*.deb: the three programs, configuration, man pages, completion
	@scripts/package.sh

package-test: package  ## install it in a bare Debian 12 (debootstrap, root) and take the steps of deploy/Dockerfile there
	@$(PYTHON) scripts/package_test.py

bench: setup-bench build  ## CPU per request, lag and memory beside other tools, some 30 minutes (SECONDS_EACH, PAIRS)
	@bench/run_all.py

instructions: setup-bench build  ## instructions per request beside the recorded ones; 1 when they grew
	@cmake --build --preset release --target bench_workloads --parallel $(JOBS)
	@bench/instructions.py $(ARGS)

clean:  ## remove build/
	@rm -rf build
