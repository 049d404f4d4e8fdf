#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes a static site of the pages and the documentation of all modules, roles and plugins. Fails for a broken link.
#
#   build.sh STATE    makes STATE/site/html
#
# It needs the tools in .venv. The folder STATE keeps the other tools.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
state=$(realpath -m "$1")
source=$state/site/source

if [[ ! -e $state/myst/.done ]]; then
  # Without its dependencies: Sphinx and markdown-it-py are in .venv.
  pip install --quiet --disable-pip-version-check --no-deps --upgrade --target "$state/myst" \
    'myst-parser>=4,<6' 'mdit-py-plugins>=0.4,<1'
  touch "$state/myst/.done"
fi
rm -rf "$state/site"
mkdir -p "$source"
# The pages and the files that they link to keep their paths.
cp --parents README.md CHANGELOG.md CONTRIBUTING.md docs/*.md roles/*/README.md files/*.* inventory-ec2/*.yml \
  inventory-ec2/group_vars/*.yml "$source"
cp tests/site/index.rst "$source"
mkdir "$source/reference"
antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --dest-dir "$source/reference" flasklaunch.ec2
PYTHONPATH=$state/myst sphinx-build --quiet --fail-on-warning --keep-going -c tests/site "$source" "$state/site/html"
echo "The site is $state/site/html/index.html"
