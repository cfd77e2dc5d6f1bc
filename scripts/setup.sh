#!/usr/bin/env bash
# Sets netspec up in .venv with all that a user needs: checking, diagrams, PyTorch, ONNX and training. Runs no tests.
source "$(dirname "$0")/environment.sh"
install_netspec "[all]"
.venv/bin/netspec --version
echo "to put netspec on your path: source .venv/bin/activate"
