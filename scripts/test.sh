#!/usr/bin/env bash
# Sets netspec up for development in .venv, then runs the linters and every test. Arguments go to pytest.
source "$(dirname "$0")/environment.sh"
install_netspec "[dev]"
.venv/bin/ruff check .
.venv/bin/mypy
export NETSPEC_SEED="${NETSPEC_SEED:-$RANDOM}" # of the tests with random inputs; the last line of a run names it
.venv/bin/python -m pytest -n 2 "$@"
