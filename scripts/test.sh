#!/usr/bin/env bash
# Sets netspec up for development in .venv, then runs the linters and every test. Arguments go to pytest.
source "$(dirname "$0")/environment.sh"
install_netspec "[dev]"
need chromium chromium # for the tests of the page
need firefox-esr firefox-esr
need dot graphviz # lays out the pictures
need npm npm
(cd viewer && npm ci --ignore-scripts --no-audit --no-fund --silent && npm run --silent build)
git diff --exit-code --stat -- netspec/page/bundle # what is built from viewer/ is what is committed
.venv/bin/ruff check .
.venv/bin/mypy
export NETSPEC_SEED="${NETSPEC_SEED:-$RANDOM}" # of the tests with random inputs; the last line of a run names it
.venv/bin/python -m pytest -n 2 "$@"
