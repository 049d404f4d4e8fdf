#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs ansible-test on the collection, with the ansible-core of the virtual environment VENV.
#
#   ansible_test.sh VENV STATE sanity|units [FILE-OR-FOLDER/...]
#
# ansible-test needs a real folder ansible_collections/flasklaunch/ec2, so the files in git are copied into one in the
# folder STATE. ansible-test's home folder is there too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=$PWD/$1
state=$(realpath -m "$2")/ansible-test
command=$3
shift 3
collections=$state/$(basename "$venv")-$command/ansible_collections
# Its cache is in the home folder.
export PIP_CONFIG_FILE=${PIP_CONFIG_FILE:-$HOME/.config/pip/pip.conf}
export HOME=$state/home

copy() {
  rm -rf "$collections"
  mkdir -p "$collections/flasklaunch/ec2"
  git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --no-dereference -t "$collections/flasklaunch/ec2"
  ln -s "$(find "$venv" -path '*/site-packages/ansible_collections/amazon')" "$collections/amazon"
}

# ansible-test makes virtual environments without pip, and downloads pip. This replaces the download without a network.
stand_in_for_get_pip() {
  local internal version
  internal=$(find "$venv" -path '*/ansible_test/_internal/python_requirements.py')
  version=$(sed -n "s/^ *pip='\([0-9.]*\)'.*/\1/p" "$internal" | tail -n 1)
  mkdir -p "$HOME/.ansible/test/cache"
  printf 'import ensurepip\n\nensurepip.bootstrap()\n' > "$HOME/.ansible/test/cache/get_pip_${version//./_}.py"
}

copy
stand_in_for_get_pip
cd "$collections/flasklaunch/ec2"
git init --quiet && git add --all
minor=$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
PATH=$venv/bin:$PATH ansible-test "$command" --local --python "$minor" "$@"
