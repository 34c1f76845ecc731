# Patchbay's commands. Each one prepares what it needs below this folder: .tools (uv, where the machine has none) and
# .venv (the locked packages). Only relative paths and quoted words, so the checkout may lie anywhere, spaces included,
# and programs of .venv are called as modules, since a script's first line must be short and without spaces.

.DEFAULT_GOAL := help
.PHONY: help run test faults guards bench soak check check-rules check-types lock

PYTHON := .venv/bin/python
# Further words for the program behind a command: make run ARGS=--empty, make test ARGS="-k login".
ARGS :=
# All tests are spread over three processes, since many of them wait most of their time. With ARGS one process runs them.
SPREAD := -n 3

# uv trusts the certificates of the machine (a company's proxy), and takes the Python that is here.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never
export UV_NO_CONFIG := 1

help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-8s %s\n' "$$name" "$$text"; done

run: .venv/.run ## Start Patchbay on 127.0.0.1:8000 (PORT), its data in .patchbay (PATCHBAY_HOME)
	@exec $(PYTHON) manage.py up $(ARGS)

test: .venv/.dev ## Run the tests, a real browser, database and queue included
	@set -eu; \
	find_browser() { \
		for name in "$${CHROMIUM:-}" chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do \
			if [ -n "$$name" ] && command -v "$$name"; then return; fi; \
		done; \
	}; \
	find_mariadb() { \
		for name in "$${MARIADBD:-}" mariadbd /usr/sbin/mariadbd /usr/sbin/mysqld; do \
			if [ -n "$$name" ] && command -v "$$name"; then return; fi; \
		done; \
	}; \
	browser="$$(find_browser)"; mariadb="$$(find_mariadb)"; missing=''; \
	if [ -z "$$browser" ]; then missing='chromium-headless-shell'; fi; \
	if [ -z "$$mariadb" ]; then missing="$$missing mariadb-server-core"; fi; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Not found, so installed: $$missing"; \
		install() { DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$$@"; }; \
		apt-get update -q; \
		install $$missing || install $$(echo "$$missing" | sed s/-headless-shell//); \
		browser="$$(find_browser)"; mariadb="$$(find_mariadb)"; \
	fi; \
	if [ -z "$$browser" ]; then \
		echo 'The tests need Chromium or Chrome: install it (apt install chromium) or name it with CHROMIUM=/path.' >&2; \
		exit 1; \
	fi; \
	if [ -z "$$mariadb" ]; then \
		echo 'The tests need MariaDB: install it (apt install mariadb-server-core) or name it with MARIADBD=/path.' >&2; \
		exit 1; \
	fi; \
	export CHROMIUM="$$browser" MARIADBD="$$mariadb"; \
	exec $(PYTHON) -m pytest $(or $(ARGS),$(SPREAD))

faults: .venv/.dev ## Break servers, lines and processes under real workers, and check what held
	@PATCHBAY_FAULTS=all exec $(PYTHON) -m pytest tests/faults tests/jobs/test_machine.py $(ARGS)

guards: .venv/.dev ## Take out each fault's guard, and check that its test fails then
	@PATCHBAY_FAULTS=guards exec $(PYTHON) -m pytest tests/faults $(or $(ARGS),-n 2)

bench: .venv/.dev ## Measure: what a sync costs beside dlt, a crowd of due entities, slot to start (half an hour)
	@exec $(PYTHON) -m benchmarks $(ARGS)

soak: .venv/.dev ## Break things by chance for twenty minutes under 500 entities; nothing may be lost, nothing may grow
	@exec $(PYTHON) -m benchmarks soak $(ARGS)

check: .venv/.dev ## Check format, lint, types, templates, imports, migrations and production settings
	@# The types take as long as all the rest. The lines of each stay together where make can do that (4.0 and later).
	@$(MAKE) --no-print-directory --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync) check-rules check-types

check-types:
	$(PYTHON) -m mypy

check-rules:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m djlint --quiet --check templates
	$(PYTHON) -m djlint --quiet --lint templates
	$(PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	$(PYTHON) -m tests.check_imports
	@# No database runs here, so Django cannot compare the migrations with what was applied, and says so.
	PATCHBAY_SECRET_KEY=unused $(PYTHON) -W 'ignore:Got an error checking a consistent migration history' \
		manage.py makemigrations --check --dry-run
	@echo 'manage.py check --deploy (with keys drawn for this run)'
	@PATCHBAY_SECRET_KEY="$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
		PATCHBAY_ENCRYPTION_KEYS="$$($(PYTHON) -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')" \
		$(PYTHON) manage.py check --deploy --fail-level WARNING

lock: .venv/.dev ## Write both lock files anew from pyproject.toml, with the newest versions it allows
	@set -eu; \
	uv=uv; command -v uv >/dev/null || uv=.tools/uv/bin/uv; \
	write() { \
		"$$uv" pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-header "$$@"; \
	}; \
	write --output-file requirements.lock; \
	write --group dev --constraints requirements.lock --output-file requirements-dev.lock

# ---- The environment ----------------------------------------------------------------------------------------------
# The two marks say which set .venv holds, and are older than a lock file that changed since. They are set when an
# installation is whole: one that was cut off is made anew. So is one whose Python went away.

ifneq ($(wildcard .venv/.run),)
$(shell $(PYTHON) -c '' 2>/dev/null || rm -f .venv/.run .venv/.dev)
endif

.venv/.run: requirements.lock
	@$(call install,requirements.lock)

.venv/.dev: requirements.lock requirements-dev.lock
	@$(call install,requirements-dev.lock)

# Makes .venv hold exactly what the lock file $(1) lists; `make run` leaves the tools of `make check` where they are.
define install
set -eu; \
python=''; \
for name in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do \
	if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$$name"; break; fi; \
done; \
if [ -z "$$python" ]; then echo 'Patchbay needs Python 3.11 or newer: install python3.' >&2; exit 1; fi; \
uv=uv; \
if ! command -v uv >/dev/null; then \
	uv=.tools/uv/bin/uv; \
	if ! "$$uv" --version >/dev/null 2>&1; then \
		rm -rf .tools/uv; mkdir -p .tools; \
		certificates=/etc/ssl/certs/ca-certificates.crt; \
		if [ -z "$${PIP_CERT:-}" ] && [ -f "$$certificates" ]; then export PIP_CERT="$$certificates"; fi; \
		export PIP_DISABLE_PIP_VERSION_CHECK=1; \
		if "$$python" -c 'import ensurepip' 2>/dev/null; then \
			"$$python" -m venv .tools/uv; .tools/uv/bin/python -m pip install --quiet uv; \
		elif "$$python" -m pip --version >/dev/null 2>&1; then \
			"$$python" -m pip install --quiet --target .tools/uv uv; \
		else \
			echo 'Python has neither pip nor ensurepip here: install python3-venv, or uv.' >&2; exit 1; \
		fi; \
	fi; \
fi; \
dev=''; if [ -e .venv/.dev ] && $(PYTHON) -c '' 2>/dev/null; then dev=requirements-dev.lock; fi; \
if ! [ -e .venv/.run ] || ! $(PYTHON) -c '' 2>/dev/null; then \
	rm -rf .venv; "$$uv" venv --quiet --python "$$python" .venv; \
fi; \
rm -f .venv/.run .venv/.dev; \
lock="$${dev:-$(1)}"; \
echo "Installing the packages of $$lock into .venv"; \
"$$uv" pip sync --python $(PYTHON) --require-hashes --compile-bytecode --quiet "$$lock"; \
touch .venv/.run; \
if [ "$$lock" = requirements-dev.lock ]; then touch .venv/.dev; fi
endef
