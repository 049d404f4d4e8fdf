#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the tests of plugins/module_utils on every Python of this computer from 3.7 on, as managed nodes may have any of
# them. `make unit` runs them on that of the virtual environment. The tests of _aws are left out, because it runs only
# on the control node. The folder $1 keeps the virtual environments with pytest between runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
state=$(realpath -m "${1:-.demo}")/pythons

mkdir -p "$state/collections/ansible_collections/flasklaunch"
ln -sfn "$PWD" "$state/collections/ansible_collections/flasklaunch/ec2"

# Runs the tests on the version $1, with the Python $2, and prints their output as a whole.
run() {
  local venv=$state/$1 said outcome=0
  if ! "$venv/bin/python" -c 'import hypothesis, pytest, pytest_timeout' 2> /dev/null; then
    "$2" -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check hypothesis pytest pytest-timeout
  fi
  said=$(PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$state/collections \
    "$venv/bin/python" -m pytest --quiet --ignore-glob='*/_aws' tests/unit/plugins/module_utils 2>&1 < /dev/null) || outcome=$?
  printf 'Python %s\n%s\n' "$1" "$said"
  return $outcome
}
export -f run
export state

# All at once: the tests wait more than they compute.
own=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
# shellcheck disable=SC2016 # for the bash that xargs starts
tests/pythons.sh | awk -v own="$own" '$1 != own' |
  xargs --no-run-if-empty --delimiter '\n' --max-args 1 --max-procs 0 bash -euc 'read -r version python <<< "$1"; run "$version" "$python"' bash
