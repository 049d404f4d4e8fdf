#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints the Pythons of this computer, on the PATH or of pyenv, that can make virtual environments: a line with version
# and program for each, the oldest first.
#
#   pythons.sh [VERSION]...    3.9 …; by default all that are supported on managed nodes or control nodes
set -euo pipefail

# Pythons of pyenv are found in their own folders, because its shims also exist for versions that are not active.
[[ $# -gt 0 ]] || set -- 3.{7..14}
for version; do
  for python in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python "$(command -v "python$version" || true)"; do
    if [[ -x $python ]] && "$python" -c 'import ensurepip, venv' 2> /dev/null; then
      echo "$version $python"
      continue 2
    fi
  done
  echo "Python $version is not on this machine" >&2
done
