# What one types in this project; `make help` lists it.

CARGO ?= cargo
PREFIX ?= $(HOME)/.local
SECONDS ?= 600
need := ./bench/need.sh

# The plugin carries the agent, linked statically by this script, which leaves it in this folder.
static := $(wildcard agent/build-static.sh)
ifneq ($(static),)
export MESHSNIFF_AGENT := $(abspath $(or $(CARGO_TARGET_DIR),target)/agent)
endif

.PHONY: help demo test bench fuzz install build
.DEFAULT_GOAL := build

help:
	@echo 'make                      kubectl-meshsniff, its agent inside, in target/release'
	@echo 'make demo                 see a slow server caught live, on this machine alone'
	@echo 'make test                 everything that must hold: format, lints, tests, documentation'
	@echo 'make bench                speed and memory beside tcpdump and tshark (minutes, 4 GB of disk)'
	@echo 'make fuzz SECONDS=600     each fuzz target for so long; finds go to tests/fuzz/finds'
	@echo 'make install PREFIX=DIR   kubectl-meshsniff and meshsniff-agent into DIR/bin [~/.local]'
	@echo
	@echo 'What the machine lacks is installed when root runs this on Debian, and named otherwise.'

build:
	@$(need) build
	$(static)
	$(CARGO) build --release --workspace --locked

demo:
	@$(need) build demo
	$(static)
	$(CARGO) build --release --workspace --locked
	target=$${CARGO_TARGET_DIR:-target}; PATH="$$target/release:$$PATH" "$$target/release/kubectl-meshsniff" demo

test:
	@$(need) build test cluster peers
	$(static)
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --workspace --locked
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items --locked

bench:
	@$(need) build bench
	$(static)
	$(CARGO) build --release --workspace --locked
	python3 bench/bench.py

fuzz:
	@$(need) build fuzz
	tests/fuzz/run.sh $(SECONDS)

install:
	@$(need) build
	$(static)
	$(CARGO) build --release --workspace --locked
	install -d '$(DESTDIR)$(PREFIX)/bin'
	target=$${CARGO_TARGET_DIR:-target}; install -m 755 "$$target/release/kubectl-meshsniff" "$$target/release/meshsniff-agent" '$(DESTDIR)$(PREFIX)/bin'
	ln -sf kubectl-meshsniff '$(DESTDIR)$(PREFIX)/bin/kubectl_complete-meshsniff'
