#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Mutation testing: mutmut changes one place of a module after another, and reports the changes that no test notices.
# Not every such change shows a missing test: some have no visible effect.
#
#   mutants.sh FOLDER MODULE...    such as _kernel/netlink, below plugins/module_utils; FOLDER keeps the results
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

# mutmut needs sources and tests below its working folder, and the sources at the paths of their imports.
rm -rf "$folder"
mkdir -p "$folder/tests" "$folder/${utils%/plugins/*}/tests"
cp -R plugins "$folder/${utils%/plugins/*}"
cp -R tests/unit "$folder/${utils%/plugins/*}/tests" # tests import from other tests
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
