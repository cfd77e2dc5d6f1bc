# Sourced by the other scripts: a virtual environment in .venv with what the caller asks for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

need() { # need PROGRAM PACKAGE: installs the Debian package where the program is missing
  command -v "$1" >/dev/null 2>&1 && return
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "please install $1 ($2 on Debian) and run this again" >&2
    exit 1
  fi
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null
}

install_netspec() { # install_netspec EXTRAS: the package, editable, with versions known to work together
  need python3 python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || { as_root apt-get update -qq; as_root apt-get install -y -qq python3-venv >/dev/null; }
  [ -x .venv/bin/python ] || python3 -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".$1"
  .venv/bin/python -m compileall -q netspec
}
