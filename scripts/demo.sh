#!/usr/bin/env bash
# Sets netspec up in .venv and shows what it does: VGG-16, checked, drawn and turned into PyTorch source.
source "$(dirname "$0")/environment.sh"
install_netspec ""
mkdir -p out
.venv/bin/netspec check examples/vgg16.net
.venv/bin/netspec compile examples/vgg16.net -o out/vgg16.py
.venv/bin/netspec draw examples/vgg16.net -o out/vgg16.svg
