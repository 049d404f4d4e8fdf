#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Managed nodes have any Python from 3.7 on: runs the tests of what runs there on every such Python that this machine
# has, on the PATH or of pyenv. The folder $1 keeps the virtual environments with pytest between runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
state=$(realpath -m "${1:-.demo}")/pythons

# Pythons of pyenv are taken from their own folders: its shims answer for versions that are not switched on.
interpreter() {
  local found
  for found in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python "$(command -v "python$1" || true)"; do
    if [[ -x $found ]] && "$found" -c 'import venv, ensurepip' 2> /dev/null; then
      echo "$found"
      return
    fi
  done
}

# What judges AWS's answers, joins and shows, runs on the control node alone, whose Python is newer.
control_node=()
for module in address_sets application aws_describe diagnosis exposure exposure_report packet_filters reachability security_group; do
  control_node+=("--ignore-glob=*/test__$module*")
done

mkdir -p "$state/collections/ansible_collections/flasklaunch"
ln -sfn "$PWD" "$state/collections/ansible_collections/flasklaunch/ec2"

for version in 3.{7..14}; do
  python=$(interpreter "$version")
  if [[ -z $python ]]; then
    echo "Python $version is not on this machine"
    continue
  fi
  if ! "$state/$version/bin/python" -c 'import hypothesis, pytest, xdist' 2> /dev/null; then
    "$python" -m venv --clear "$state/$version"
    "$state/$version/bin/pip" install --quiet --disable-pip-version-check hypothesis pytest pytest-xdist
  fi
  echo "Python $version"
  PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$state/collections \
    "$state/$version/bin/python" -m pytest --quiet -n 4 "${control_node[@]}" tests/unit/plugins/module_utils
done
