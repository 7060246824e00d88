# Everything here works on a fresh Debian machine with Python 3.11: each target makes what it needs.
PYTHON ?= python3
BIN := .venv/bin
# Server programs that the tests talk to; where they cannot be installed their tests skip, with the reason.
SERVERS := nginx-light haproxy mariadb-server postgresql

.PHONY: demo test lint bench accuracy coverage servers clean

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(MAKE) --no-print-directory venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

# Debian keeps ensurepip in a package of its own. Where that cannot be installed, virtualenv or uv will do; a folder
# that an attempt without it left behind has no pip, and is made anew.
.PHONY: venv
venv:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory apt PACKAGES=python3-venv
	@$(PYTHON) -m venv --clear .venv >/dev/null 2>&1 || $(PYTHON) -m virtualenv -q --clear .venv 2>/dev/null || \
	{ rm -rf .venv; uv venv -q --seed -p $(PYTHON) .venv 2>/dev/null; } || \
	{ echo "No virtual environment could be made: install python3-venv, virtualenv or uv, then run make again"; exit 1; }

# Packages from Debian, with sudo where we are not root; a machine without apt goes on without them.
.PHONY: apt
apt:
	@sudo=; test "$$(id -u)" = 0 || sudo="sudo -n"; \
	command -v apt-get >/dev/null || { echo "no apt-get here: $(PACKAGES) not installed"; exit 0; }; \
	export DEBIAN_FRONTEND=noninteractive; \
	$$sudo apt-get install -qq -y --no-install-recommends $(PACKAGES) >/dev/null 2>&1 || \
	{ $$sudo apt-get update -qq >/dev/null 2>&1; \
	  $$sudo apt-get install -qq -y --no-install-recommends $(PACKAGES) >/dev/null 2>&1; } || \
	echo "could not install: $(PACKAGES)"

# Debian starts a server as it installs it; policy-rc.d keeps these from running, the tests start their own.
servers:
	@for package in $(SERVERS); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'install ok' || missing="$$missing $$package"; \
	done; \
	test -z "$$missing" || { \
	  own=; test -e /usr/sbin/policy-rc.d || { printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d 2>/dev/null && \
	    chmod +x /usr/sbin/policy-rc.d && own=1; }; \
	  $(MAKE) --no-print-directory apt PACKAGES="$$missing"; \
	  test -z "$$own" || rm -f /usr/sbin/policy-rc.d; }

demo: .venv/ready
	@$(BIN)/ingressdoctor demo

test: .venv/ready servers
	@$(BIN)/pytest -q -n 4 --dist loadscope

lint: .venv/ready
	@$(BIN)/ruff check src checks tests
	@$(BIN)/ruff format --check src checks tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports

accuracy: .venv/ready
	@PYTHONPATH=tests $(BIN)/python -m accuracy

# The models of routing are whole only when every branch of them has been taken.
coverage: .venv/ready
	@$(BIN)/pytest -q -p no:cacheprovider tests/unit/routing tests/checks --cov=ingressdoctor.routing --cov-branch \
	  --cov-report=term-missing:skip-covered --cov-fail-under=100

bench: .venv/ready
	@PYTHONPATH=tests $(BIN)/python -m bench

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
