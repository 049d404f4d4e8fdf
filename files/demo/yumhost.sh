#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs inside a fresh root of Debian packages and makes a yum host of it: what yum is to install
# becomes RPMs in a local repository, and leaves the root with all that is Debian's own.
# The RPM specs are in /root/specs.
set -euo pipefail
export HOME=/root
repo=/opt/yumhost/repo
modules=/usr/lib/python3/dist-packages

make_repository() {
  # Debian's rpm keeps its database in ~/.rpmdb.
  mkdir -p /etc/rpm /var/lib/rpm "$repo"
  echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros.yumhost
  # Debian refuses pip installs outside of a virtual environment (PEP 668); a yum host does not.
  rm -f /usr/lib/python3.11/EXTERNALLY-MANAGED
  local spec
  for spec in /root/specs/*.spec; do rpmbuild --quiet -bb "$spec"; done
  find /root/rpmbuild/RPMS -name '*.rpm' -exec cp -t "$repo" {} +
  createrepo_c --quiet "$repo"
}

# As on RHEL 8: yum has an interpreter of its own, off the PATH, and Python is one more package.
move_python_aside() {
  mkdir -p /usr/libexec
  mv /usr/bin/python3.11 /usr/libexec/platform-python3.11
  ln -s platform-python3.11 /usr/libexec/platform-python
  sed -i '1s,.*,#!/usr/libexec/platform-python,' /usr/bin/dnf-3
  ln -sf dnf-3 /usr/bin/dnf
  ln -sf dnf-3 /usr/bin/yum
  rm -rf /usr/lib/python3.11/{ensurepip,venv} /usr/share/python-wheels
  rm -rf "$modules"/{distutils-precedence.pth,pip,pip-*info,setuptools,setuptools-*info,pkg_resources,_distutils_hack,wheel,wheel-*info}
  rm -f /usr/bin/{python3,pip,pydoc,py3,wheel,pyvenv,pdb3,pygettext3,routel}*
}

remove_nginx() {
  rm -rf /usr/sbin/nginx /etc/nginx /etc/systemd/system/multi-user.target.wants/nginx.service
  rm -rf /usr/lib/systemd/system/nginx.service /usr/share/nginx /var/{lib,log}/nginx /var/www
}

name_system() {
  rm -f /etc/os-release /usr/lib/os-release /etc/debian_version /etc/issue /etc/issue.net /etc/motd
  ln -s ../usr/lib/os-release /etc/os-release
  rm -rf /etc/yum.repos.d
  rpm --initdb
  rpm -i "$repo"/yumhost-release-*.rpm 2> /dev/null   # Debian's rpm advises to use alien
  # Each SSH login would complain of the file that is missing.
  echo LANG=C.UTF-8 > /etc/locale.conf
  ln -sf ../locale.conf /etc/default/locale
}

# The server is sshd.service on yum hosts.
rename_ssh() {
  cd /usr/lib/systemd/system
  systemctl disable ssh.service
  mv ssh.service sshd.service
  sed -i '/^Alias=/d' sshd.service
  cd /
}

remove_debian() {
  rm -rf /root/rpmbuild /root/specs /usr/bin/{createrepo_c,mergerepo_c,modifyrepo_c,sqliterepo_c,rpmbuild}
  rm -rf /{etc,usr/lib,var/lib,var/cache}/apt /usr/bin/apt* /etc/cron.daily/{apt-compat,dpkg}
  rm -rf /{etc,var/lib,usr/share,usr/lib}/dpkg /usr/bin/dpkg* /usr/sbin/dpkg* /var/cache/debconf /usr/bin/debconf*
  rm -f /usr/lib/systemd/system/{apt-,dpkg-}* /etc/systemd/system/timers.target.wants/{apt-,dpkg-}*
  rm -rf /var/log/* /var/cache/dnf
  # mmdebstrap copied these from the machine that builds.
  : > /etc/resolv.conf
  : > /etc/hostname
}

make_repository
move_python_aside
remove_nginx
name_system
rename_ssh
remove_debian
find /usr/lib /usr/libexec -name __pycache__ -prune -exec rm -rf {} +
/usr/libexec/platform-python -m compileall -q /usr/lib/python3.11 "$modules"
