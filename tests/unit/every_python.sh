#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Managed nodes have any Python from 3.7 on: runs the tests of what runs there on every such Python that this machine
# has, but for that of the virtual environment, with which `make unit` runs them. The folder $1 keeps the virtual
# environments with pytest between runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
state=$(realpath -m "${1:-.demo}")/pythons

# What judges AWS's answers, joins and shows, runs on the control node alone, whose Python is newer.
control_node=()
for module in address_sets aws_describe diagnosis exposure exposure_report packet_filters reachability security_group; do
  control_node+=("--ignore-glob=*/test__$module*")
done

mkdir -p "$state/collections/ansible_collections/flasklaunch"
ln -sfn "$PWD" "$state/collections/ansible_collections/flasklaunch/ec2"

own=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
while read -r version python; do
  [[ $version != "$own" ]] || continue
  if ! "$state/$version/bin/python" -c 'import hypothesis, pytest, pytest_timeout, xdist' 2> /dev/null; then
    "$python" -m venv --clear "$state/$version"
    "$state/$version/bin/pip" install --quiet --disable-pip-version-check hypothesis pytest pytest-timeout pytest-xdist
  fi
  echo "Python $version"
  PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$state/collections \
    "$state/$version/bin/python" -m pytest --quiet -n 4 "${control_node[@]}" tests/unit/plugins/module_utils < /dev/null
done < <(tests/pythons.sh)
