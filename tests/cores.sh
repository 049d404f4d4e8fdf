#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# The releases of ansible-core that the collection supports: from the oldest that meta/runtime.yml admits to the newest
# that the package index has.
#
#   cores.sh                  all of them, as a JSON list
#   cores.sh oldest|newest
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

oldest() { sed -n 's/^requires_ansible: ">=\([0-9]*\.[0-9]*\).*/\1/p' meta/runtime.yml; }

# Whatever the Python: pip tells a Python only of those releases that it can run.
newest() {
  python3 -m pip index versions ansible-core --python-version 3.99 --only-binary :all: 2> /dev/null |
    sed -n '1s/.*(\([0-9]*\.[0-9]*\).*/\1/p'
}

if [[ $# -gt 0 ]]; then
  "$1"
else
  first=$(oldest) last=$(newest)
  seq --format '"2.%g"' --separator ', ' "${first#2.}" "${last#2.}" | sed 's/.*/[&]/'
fi
