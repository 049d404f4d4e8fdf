#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# ansible-test on the collection, with the ansible-core of .venv or with other releases of it.
#
#   ansible_test.sh STATE sanity|units [CORE]...    CORE: 2.18 …, `oldest` that meta/runtime.yml admits, `newest` there is
#
# ansible-test wants a real folder ansible_collections/flasklaunch/ec2: the files that git knows are copied to one in the
# folder STATE, which keeps a virtual environment for each other release too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
pythons=${PYENV_ROOT:-$HOME/.pyenv}/versions
state=$(realpath -m "$1")/ansible-test
command=$2
shift 2

release() {
  case $1 in
    oldest | newest) tests/cores.sh "$1" ;;
    *) echo "$1" ;;
  esac
}

# On the oldest Python that it can be installed on: ansible-test refuses Pythons that its release does not know.
install() {
  local core=$1 venv=$2 minor python
  for minor in {10..14}; do
    for python in "$pythons/3.$minor".*/bin/python "$(command -v "python3.$minor" || true)"; do
      if [[ -x $python ]] && "$python" -m venv --clear "$venv" &&
        "$venv/bin/pip" install --quiet --disable-pip-version-check "ansible-core==$core.*" -r requirements.txt; then
        touch "$venv/.done"
        return
      fi
    done
  done > "$state/install-$core.log" 2>&1
  echo "ansible-core $core cannot be installed on any Python of this machine: $state/install-$core.log" >&2
  return 1
}

# It makes virtual environments without pip and downloads that; this stands in for the download where there is no way out.
stand_in_for_get_pip() {
  local internal version
  internal=$(find "$1" -path '*/ansible_test/_internal/python_requirements.py')
  version=$(sed -n "s/^ *pip='\([0-9.]*\)'.*/\1/p" "$internal" | tail -n 1)
  mkdir -p "$HOME/.ansible/test/cache"
  printf 'import ensurepip\n\nensurepip.bootstrap()\n' > "$HOME/.ansible/test/cache/get_pip_${version//./_}.py"
}

check() {
  local venv=$1 collections=$state/ansible_collections
  rm -rf "$collections"
  mkdir -p "$collections/flasklaunch/ec2"
  git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --no-dereference -t "$collections/flasklaunch/ec2"
  ln -s "$(find "$venv" -path '*/site-packages/ansible_collections/amazon')" "$collections/amazon"
  cd "$collections/flasklaunch/ec2"
  git init --quiet && git add --all
  stand_in_for_get_pip "$venv"
  PATH=$venv/bin:$PATH "$venv/bin/ansible-test" "$command" --local --python "$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
  cd "$root"
}

# Its cache is in the home folder.
export PIP_CONFIG_FILE=${PIP_CONFIG_FILE:-$HOME/.config/pip/pip.conf}
export HOME=$state/home
mkdir -p "$HOME"
if [[ $# -eq 0 ]]; then
  check "$root/.venv"
fi
for wanted in "$@"; do
  core=$(release "$wanted")
  [[ -e $state/$core/.done ]] || install "$core" "$state/$core"
  echo "ansible-core $core"
  check "$state/$core"
done
