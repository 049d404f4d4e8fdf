#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the image of a local machine, if it is missing or what goes into it has changed.
#
#   image.sh yum                              the demo machine, which has yum. On Debian and Ubuntu: from Debian packages alone
#   DEMO_IMAGE=amazonlinux:2023 image.sh yum  the demo machine on an image that has yum (the default elsewhere)
#   image.sh debian                           a Debian machine, from Debian packages. Elsewhere: on debian:12
#
# Run the machine with:
#   docker run -d --cap-add SYS_ADMIN --cgroupns=host -v /sys/fs/cgroup:/sys/fs/cgroup:rw \
#     --tmpfs /run --tmpfs /tmp:exec flasklaunch-machine:latest
set -euo pipefail
umask 022
PATH=$PATH:/usr/sbin:/sbin

cd "$(dirname "${BASH_SOURCE[0]}")"
system=$1
label=flasklaunch.ec2.inputs
inputs=(Containerfile image.sh machine.sh)
packages=systemd,systemd-sysv,dbus,openssh-server,sudo,procps,iproute2,ca-certificates,nftables
case $system in
  yum)
    tag=flasklaunch-machine:latest
    inputs+=(yumhost.sh specs/*.spec)
    packages+=,dnf,rpm,createrepo-c,python3-pip,python3-venv,nginx
    # shellcheck disable=SC2016 # "$1" is mmdebstrap's to fill in
    hooks=(--skip=cleanup/apt "--customize-hook=copy-in '$PWD/specs' '$PWD/yumhost.sh' /root"
      '--customize-hook=chroot "$1" bash /root/yumhost.sh && rm "$1/root/yumhost.sh"')
    elsewhere=${DEMO_IMAGE:-amazonlinux:2023}
    ;;
  debian)
    tag=flasklaunch-debian:latest
    # Like a new instance, it has no lists of packages. mmdebstrap copied these two files from the machine that builds.
    # shellcheck disable=SC2016
    hooks=('--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"')
    elsewhere=debian:12
    ;;
esac

say() { echo "image: $*"; }

die() {
  echo "image: $*" >&2
  exit 1
}

# Runs a command that talks much; what it said is worth reading only when it fails.
quietly() {
  "$@" > "$log" 2>&1 && return
  tail -n 30 "$log" >&2
  die "building $tag failed at: $1"
}

# shellcheck disable=SC1091 # each machine has its own
os() { (. /etc/os-release 2> /dev/null && echo "${!1:-}"); }

on_debian() { [[ " $(os ID) $(os ID_LIKE) " == *" debian "* ]]; }

fingerprint() {
  { echo "base: $1"; sha256sum "${inputs[@]}"; } | sha256sum | cut -d' ' -f1
}

image_label() { docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$tag" 2> /dev/null || true; }

image_id() { docker image inspect --format '{{.Id}}' "$tag" 2> /dev/null || true; }

install_mmdebstrap() {
  local wanted=(mmdebstrap)
  [[ $(os ID) == debian ]] || wanted+=(debian-archive-keyring)
  ! dpkg-query -W "${wanted[@]}" > /dev/null 2>&1 || return 0
  [[ $EUID -eq 0 ]] || die "needs ${wanted[*]}: run 'sudo apt-get install ${wanted[*]}', or set DEMO_IMAGE to an image that has yum"
  say "installing ${wanted[*]}"
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get update
  quietly apt-get install -y --no-install-recommends "${wanted[@]}"
}

# The mirror that this machine installs from; empty if mmdebstrap must use its own default.
mirror() {
  [[ $(os ID) == debian ]] || return 0
  # apt itself reads both formats of its sources. Others also serve a '/debian', but not as many suites of it.
  apt-get update --print-uris | awk -F "'" -v suite="^https?://.*/debian/dists/$(os VERSION_CODENAME)(-updates|-backports)?/InRelease$" '
    $2 ~ suite { sub("/dists/.*", "", $2); if (++suites[$2] > most) { most = suites[$2]; best = $2 } }
    END { print best }'
}

import_debian() {
  mmdebstrap --quiet --variant=minbase --format=tar --include="$packages" --skip=cleanup/mmdebstrap,cleanup/reproducible \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' "${hooks[@]}" \
    bookworm - "$@" | docker import - "$root"
}

# The files go in by a pipe: nothing else of the folder is part of the build.
build() {
  tar -c Containerfile machine.sh |
    docker build --force-rm --file Containerfile --build-arg BASE="$1" --label "$label=$2" --tag "$tag" -
}

main() {
  local base='' made_of old from
  on_debian && [[ $system == debian || -z ${DEMO_IMAGE:-} ]] || base=$elsewhere
  made_of=$(fingerprint "${base:-debian}")
  [[ $(image_label) != "$made_of" ]] || return 0

  log=$(mktemp)
  root=flasklaunch-machine-root:$$
  trap 'rm -f "$log"; docker image rm "$root" > /dev/null 2>&1 || true' EXIT
  old=$(image_id)
  if [[ -n $base ]]; then
    say "building $tag on $base"
  else
    install_mmdebstrap
    from=$(mirror)
    say "building $tag from Debian packages (a minute or two)"
    quietly import_debian ${from:+"$from"}
    base=$root
  fi
  quietly build "$base" "$made_of"
  # The image that this one replaces goes, unless a container still runs on it.
  [[ -z $old ]] || docker image rm "$old" > /dev/null 2>&1 || true
  say "built $tag in $SECONDS s"
}

main
