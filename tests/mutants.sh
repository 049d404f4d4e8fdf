#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Mutation testing: mutmut changes one place of a module after another, and tells which changes its tests do not notice.
# Not every one that survives is a missing test: some change nothing that can be seen.
#
#   mutants.sh FOLDER MODULE...    such as _kernel/netlink, below plugins/module_utils; what was found stays in FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$(realpath -m "$1")
shift

utils=ansible_collections/flasklaunch/ec2/plugins/module_utils
sources=() tests=()
for module in "$@"; do
  sources+=("\"$utils/$module.py\"")
  tests+=("\"tests/unit/plugins/module_utils/$(dirname "$module")\"")
done

# mutmut wants sources and tests below the folder that it runs in, and sources where their imports say.
rm -rf "$folder"
mkdir -p "$folder/tests" "$folder/${utils%/plugins/*}/tests"
cp -R plugins "$folder/${utils%/plugins/*}"
cp -R tests/unit "$folder/${utils%/plugins/*}/tests" # what tests import of each other
cp -R tests/unit "$folder/tests"
cd "$folder"
cat > pyproject.toml << EOF
[tool.mutmut]
source_paths = ["ansible_collections"]
only_mutate = [$(IFS=, && echo "${sources[*]}")]
pytest_add_cli_args_test_selection = [$(IFS=, && echo "${tests[*]}")]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
use_git_change_detection = false
EOF
python -m mutmut run

python -m mutmut results | sed -n 's/^ *\(.*\): survived$/\1/p' | while read -r name; do
  echo "${name##*.}"
  python -m mutmut show "$name" | grep '^[-+]' | grep -v '^---\|^+++' || true
done
