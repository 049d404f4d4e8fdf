#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Mutation testing: mutmut changes one place of a module after another, and tells which changes its tests do not notice.
# Not every one that survives is a missing test: some change nothing that can be seen.
#
#   mutants.sh FOLDER MODULE...    modules of plugins/module_utils, such as _netlink; what was found stays in FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$(realpath -m "$1")
shift

utils=ansible_collections/flasklaunch/ec2/plugins/module_utils
sources=() tests=()
for module in "$@"; do
  names=("$module")
  case $module in # where the tests are not, or not alone, called as the module is
    _nftables | _iptables) names=(_firewall) ;;
    _nf_tables) names=(_interfaces) ;;
    _packet_filters) names+=(_reachability) ;;
    _reachability_snapshot) names+=(_reachability _reachability_collect) ;;
    _reachability_collect) ;;
    _reachability_*) names=(_reachability) ;;
  esac
  sources+=("\"$utils/$module.py\"")
  for name in "${names[@]}"; do
    tests+=("\"tests/unit/plugins/module_utils/test_$name.py\"")
  done
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
