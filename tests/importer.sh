#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs galaxy-importer on the built artifact, as Galaxy does with an upload. Fails for warnings too.
#
#   importer.sh STATE
#
# The folder STATE keeps a virtual environment for the importer, because its dependencies differ from those of .venv. It
# runs ansible-doc and ansible-lint from .venv, where amazon.aws is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
state=$(realpath -m "$1")/importer

if [[ ! -e $state/.done ]]; then
  python3 -m venv --clear "$state"
  "$state/bin/pip" install --quiet --disable-pip-version-check 'galaxy-importer>=0.4.30,<0.5'
  touch "$state/.done"
fi
rm -rf "$state/artifact"
ansible-galaxy collection build --output-path "$state/artifact" > "$state/build.log"
cd "$state/artifact"
# Automation Hub requires one of certain tags, but Galaxy does not.
GALAXY_IMPORTER_CHECK_REQUIRED_TAGS=true "$state/bin/python" -m galaxy_importer.main ./*.tar.gz 2>&1 | tee importer.log
if grep --quiet --extended-regexp '^(WARNING|ERROR|CRITICAL)' importer.log; then
  echo "galaxy-importer has something to say of the artifact: see above." >&2
  exit 1
fi
