# Every way to use this repository. `make help` lists them; each installs what is missing first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

python := .venv/bin/python
runtime := $(or $(HOLDFAST_RUNTIME),/var/cache/holdfast/runtime)

# Command that must be there → Debian package that has it.
needed := s6-svscan:s6 mmdebstrap:mmdebstrap sox:sox espeak-ng:espeak-ng dot:graphviz ip:iproute2 unshare:util-linux

# A network, processes and temporary files of its own: every port is free, and nothing is left behind.
alone = scratch=$$(mktemp -d); trap 'rmdir "$$scratch"' EXIT; \
  unshare --net --pid --mount --ipc --fork --kill-child --mount-proc bash -euo pipefail -c \
  'ip link set lo up; mount -t tmpfs -o mode=0755 tmpfs "$$0"; export TMPDIR=$$0; "$$@"' "$$scratch"

# Linux before 6.18.45 may let what has a session of its own starve for a minute beside one that computes. What is tested
# here are calls: for so long, the kernel gives sessions no groups (docs/operations.md, "The kernel").
ungrouped = groups=/proc/sys/kernel/sched_autogroup_enabled; \
  if [ "$$(cat $$groups 2>/dev/null)" = 1 ] && echo 0 2>/dev/null >$$groups; then trap 'echo 1 >$$groups' EXIT; fi;

pytest = $(alone) $(python) -m pytest -p tests.nothing_skipped

# Nothing here is a file but what lies in .venv.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: packages ## install what is missing: packages, Python libraries, the runtime root (Asterisk, Redis, SIPp)
	@HOLDFAST_RUNTIME=$(runtime) asterisk/make-root & root=$$!; \
	$(MAKE) .venv/.ready || { kill $$root 2>/dev/null; wait $$root; exit 1; }; \
	wait $$root

packages:
	@missing=; \
	for pair in $(needed); do command -v "$${pair%:*}" >/dev/null || missing+=" $${pair#*:}"; done; \
	python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=" python3-venv"; \
	[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=" debian-archive-keyring"; \
	if [ -n "$$missing" ]; then \
	  echo "setup: installing packages:$$missing"; \
	  [ "$$(id -u)" = 0 ] || { echo "setup: only root can install packages" >&2; exit 1; }; \
	  apt-get -qq update; \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing >/dev/null; \
	fi

.venv/.ready: requirements.lock pyproject.toml | packages
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: Python 3.11 or newer is needed" >&2; exit 1; }
	@echo "setup: installing Python libraries into .venv"
	@exec 9<Makefile; flock 9; \
	[ -x $(python) ] || python3 -m venv .venv; \
	$(python) -m pip install --quiet --require-hashes --requirement requirements.lock; \
	$(python) -m pip install --quiet --no-deps --no-build-isolation --editable .; \
	touch $@

run: setup ## start the whole server here; Ctrl-C stops it
	@exec .venv/bin/holdfast serve

# For tests only. No database is begun and no service started: the tests run a server of their own.
postgresql:
	@compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || { \
	  echo "setup: installing packages: postgresql (for tests)"; \
	  [ "$$(id -u)" = 0 ] || { echo "setup: only root can install packages" >&2; exit 1; }; \
	  mkdir -p /etc/postgresql-common/createcluster.d; \
	  echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/holdfast.conf; \
	  apt-get -qq update; \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends postgresql >/dev/null; }

test: setup postgresql ## every test, the live ones on real Asterisk and SIPp included; a skipped test fails
	@$(ungrouped) $(MAKE) tests

tests:
ifdef ARGS
	@$(pytest) $(ARGS)
else
	@status=0; $(pytest) tests/live || status=1; \
	$(MAKE) -j2 -k test-others test-walks || status=1; \
	$(MAKE) -j2 -k test-chaos test-killing || status=1; exit $$status
endif

# Live tests compare clocks: they have the machine for themselves. What kills things mostly waits for what comes of it:
# two of these go on beside each other, each in a world of its own, but nothing else, or workers are late for their leases.
afterwards = told=$$(mktemp); exec 3>&1 >"$$told" 2>&1; trap 'cat "$$told" >&3; rm "$$told"' EXIT;
walks := tests/queues tests/figures  # long random walks, many made-up days: half of the time of what is left
killing := $(patsubst %,tests/chaos/test_%.py,hung nailed states steps waiting windows)  # half of the time

test-others:
	@$(pytest) $(patsubst %,--ignore=%,tests/live tests/chaos $(walks))

test-walks:
	@$(afterwards) ( $(pytest) $(walks) )

test-chaos:
	@$(pytest) tests/chaos $(killing:%=--ignore=%)

test-killing:
	@$(afterwards) ( $(pytest) $(killing) )

check: setup ## lint, format, types
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

docs: setup ## write docs/steps, docs/schema and docs/figures.md anew from the models
	@.venv/bin/holdfast steps --write docs/steps
	@.venv/bin/holdfast schema --write docs/schema
	@$(python) -m calllog.figures.reference >docs/figures.md

demo: setup ## three real calls, and the log of each
	@$(python) -m tests.rig.demo $(ARGS)

sipp: setup ## SIPp as the demo uses it, from here: make sipp ARGS="127.0.0.1:5060 -sf tests/sipp/caller_waits.xml …"
	@exec $(python) -m tests.rig.sipp $(ARGS)

customers: setup ## the server that the example asks for a customer's PIN
	@$(python) -m tests.rig.customers

bench: setup ## Holdfast beside Asterisk's own Queue(), in one run
	@$(python) -m bench.queue_bench $(ARGS)

bench-flows: setup ## what the check, the interpreter and the simulator cost, against their goals
	@$(python) -m bench.flows $(ARGS)

bench-keys: setup ## keys by SIP INFO and RFC 4733 under load, and how soon a prompt follows
	@$(python) -m bench.keys $(ARGS)

bench-takeover: setup ## workers killed and hung under 200 live calls: how long those have nobody
	@$(alone) $(python) -m bench.takeover $(ARGS)

bench-kills: setup ## how often Asterisk dies of killed workers, with and without the holder of their sockets
	@$(alone) $(python) -m bench.worker_kills $(ARGS)

bench-redis: setup ## time in Redis of each function, with 10 to 10,000 callers waiting
	@$(python) -m bench.redis_time $(ARGS)

bench-waiting: setup ## CPU of looking after 10,000 callers who wait: rules, places, announcements
	@$(python) -m bench.waiting $(ARGS)

bench-nailed: setup ## agents whose phones stay connected beside agents who are rung: from the match to the talk
	@$(python) -m bench.nailed $(ARGS)

bench-talks: setup ## what a minute of talk costs Asterisk, with and without keys of agents
	@$(python) -m bench.talks $(ARGS)

bench-archive: setup ## how many events a second the archiver takes, with SQLite
	@$(alone) $(python) -m bench.archive $(ARGS)

bench-live: setup ## what live figures cost with 5,000 agents and 10,000 callers, and how old they are
	@$(python) -m bench.live_figures $(ARGS)

bench-mixed: setup ## ten minutes of mixed calls on real SIP; was everybody routed as the rules say?
	@$(python) -m bench.mixed $(ARGS)

audit-load: setup ## 2,000 mixed calls: do SIPp, the call log and Asterisk tell the same of every hold and hangup?
	@$(python) -m bench.audit_load $(ARGS)

bench-report: setup ## a day's report over 1,000,000 calls, made for it: make bench-report ARGS="--calls 10000000"
	@$(python) -m bench.archive_report $(ARGS)

load: setup ## calls against any server: make load TARGET=host:port RATE=20 CALLS=1000
	@$(python) -m tests.rig.load --target "$(or $(TARGET),127.0.0.1:5060)" --rate "$(or $(RATE),20)" --calls "$(or $(CALLS),1000)" $(ARGS)

compose-test: ## the containers: built, brought up, demonstrated, taken down
	@tests/compose/run

soak-queues: setup ## 1,000,000 random steps through the queues against the plain model
	@$(alone) $(python) -m tests.queues.soak $(ARGS)

lock: .venv/.ready ## write requirements.lock anew from pyproject.toml
	@tool=$$(mktemp -d); trap 'rm -rf "$$tool"' EXIT; \
	python3 -m venv "$$tool"; "$$tool/bin/pip" install --quiet uv; \
	"$$tool/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --extra dev --upgrade --output-file requirements.lock pyproject.toml
