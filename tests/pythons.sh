#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Which Pythons this machine has, on the PATH or of pyenv, that can make virtual environments: a line each, with the
# version and the program, the oldest first.
#
#   pythons.sh [VERSION]...    3.9 …; else all that are supported anywhere, on a managed node or a control node
set -euo pipefail

# Those of pyenv are taken from their own folders: its shims answer for versions that are not switched on.
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
