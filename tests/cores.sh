#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints the releases of ansible-core that the collection supports: from the oldest in meta/runtime.yml to the newest in
# the package index.
#
#   cores.sh                              all of them, as a JSON list
#   cores.sh release oldest|newest|2.18   this one
#   cores.sh python 2.18                  the oldest Python on this computer that it supports
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Prints the versions of ansible-core that pip offers for the Python $1.
versions() {
  python3 -m pip --disable-pip-version-check index versions ansible-core --python-version "$1" --only-binary :all: 2> /dev/null
}

release() {
  case $1 in
    oldest) sed -n 's/^requires_ansible: ">=\([0-9]*\.[0-9]*\).*/\1/p' meta/runtime.yml ;;
    newest) versions 3.99 | sed -n '1s/.*(\([0-9]*\.[0-9]*\).*/\1/p' ;;
    *) echo "$1" ;;
  esac
}

# The oldest Python, because ansible-test refuses a Python that is newer than its release knows.
python() {
  local version python
  while read -r version python; do
    if versions "$version" | grep --fixed-strings " $1." > /dev/null; then
      echo "$python"
      return
    fi
  done < <(tests/pythons.sh 3.{10..14} 2> /dev/null)
  echo "ansible-core $1 cannot be installed on any Python of this machine." >&2
  return 1
}

all() {
  local first last
  first=$(release oldest) last=$(release newest)
  seq --format '"2.%g"' --separator ', ' "${first#2.}" "${last#2.}" | sed 's/.*/[&]/'
}

"${@:-all}"
