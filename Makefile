# Attune. `make` lists what there is; every target sets up what it needs first.
SHELL := /bin/bash
BIN := .venv/bin
.DEFAULT_GOAL := help
# Stamps tell what is installed; two recipes in one environment at once would disturb each other.
.NOTPARALLEL:
.PHONY: help run models test lint check bench fuzz lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: .venv/.models ## install what is missing and answer calls on http://127.0.0.1:8000
	@$(BIN)/attune serve $(ARGS)

models: .venv/.run ## check the model cache again and fetch what is missing
	@$(BIN)/attune models install --embedded && touch .venv/.models

test: .venv/.dev .venv/.models ## run every test (ARGS="-k name" for some)
	@$(BIN)/python -m pytest $(ARGS)

lint: .venv/.dev ## ruff, mypy --strict and the walls between the packages
	@echo "ruff"   && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "mypy"   && $(BIN)/mypy
	@echo "walls"  && $(BIN)/lint-imports --no-logo

check: lint test ## what CI runs

bench: .venv/.dev .venv/.models ## measure: BENCH=turn (latency), calls (capacity), barge_in, end_of_turn, emotion, emotion_gpu, sip, web
	@$(BIN)/python -m tests.bench.$(or $(BENCH),turn) $(ARGS)

fuzz: .venv/.dev ## throw inputs at everything that strangers can send: SECONDS_EACH=60 ARGS="--at-once 2 twilio"
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS_EACH),60) $(ARGS)

lock: .venv/.run ## write constraints/ anew from pyproject.toml
	@tools/lock

clean: ## remove the environment and caches; calls and models stay
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.run: constraints/run.txt pyproject.toml tools/install
	@tools/install run

.venv/.dev: constraints/dev.txt pyproject.toml tools/install
	@tools/install dev

.venv/.models: .venv/.run
	@$(BIN)/attune models install --embedded && touch $@
