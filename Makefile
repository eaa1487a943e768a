# SPDX-License-Identifier: GPL-2.0-or-later
# Every target is a line that a person could type. Debian's bcc is for Debian's python3.
PYTHON := /usr/bin/python3
KERNEL := stock-6.12
PREFIX := /usr/local

help: ## this list
	@awk -F ':.* ## ' '/^[a-z-]+:.* ## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

demo: machine $(if $(filter stock-%,$(KERNEL)),,builder) ## trace an exec storm in a guest with 4 NUMA nodes; KERNEL=NAME picks another kernel
	$(PYTHON) -m lab.demo --kernel $(KERNEL)

test: test-unit machine ## unit tests, then the core guest tests on one stock kernel
	$(PYTHON) -m lab.suite core

test-unit: dev monitoring ## only what needs no guest
	REQUIRE_PROMTOOL=1 .venv/bin/python -m pytest -n auto

test-lab: machine builder ## every other guest test that CI runs
	$(PYTHON) -m lab.suite lab

soak: dev monitoring machine builder ## every guest test on every kernel; goes on where it was stopped
	$(PYTHON) -m lab.suite soak

bench: machine builder ## what tracing costs, beside every other tool: tables, JSON, and a picture if .venv can draw
	$(or $(wildcard .venv/bin/python),$(PYTHON)) -m lab.bench --keep lab/out/bench --pictures lab/out/bench

venv: traceable ## .venv/bin/immapscope, the agent of this checkout
	$(PYTHON) -m lab.venv

install: traceable ## the daemon as a service of systemd; PREFIX=FOLDER, DESTDIR=FOLDER
	$(PYTHON) -m lab.install --prefix $(PREFIX) --destdir $(or $(DESTDIR),/)

uninstall: ## remove what make install made; an edited configuration stays
	$(PYTHON) -m lab.install --prefix $(PREFIX) --destdir $(or $(DESTDIR),/) --remove

lint: dev ## ruff and mypy
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

format: dev ## lay the Python files out
	.venv/bin/ruff check --fix . && .venv/bin/ruff format .

# What the machine itself must have: for guests, kernels of our own, the agent, tests and lint.
machine:
	@$(PYTHON) -m lab.host --install
builder:
	@$(PYTHON) -m lab.host --install kernels
traceable:
	@$(PYTHON) -m lab.host --install trace
dev:
	@$(PYTHON) -m lab.host --install trace tests
	@$(PYTHON) -m lab.venv --dev
monitoring:
	@$(PYTHON) -m lab.monitoring > /dev/null

.NOTPARALLEL:
.PHONY: help demo test test-unit test-lab soak bench venv install uninstall lint format
.PHONY: machine builder traceable dev monitoring
