#!/usr/bin/env bash
# Sets netspec up for development in .venv, then runs the linters and every test. Arguments go to pytest.
source "$(dirname "$0")/environment.sh"
install_netspec "[dev]"
.venv/bin/ruff check .
.venv/bin/mypy
.venv/bin/python -m pytest -n 2 "$@"
