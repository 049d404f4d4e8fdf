#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs inside an image and makes of it what an EC2 instance is: it boots systemd, lets one user in over SSH by key, and
# gives it root by sudo without a password. The user has the name that the system's image on EC2 has for it.
set -euo pipefail
# shellcheck disable=SC1091
case $(. /etc/os-release && echo "$ID") in
  debian) user=admin ssh=ssh procps=procps iproute=iproute2 shadow=passwd ;;
  *) user=ec2-user ssh=sshd procps=procps-ng iproute=iproute shadow=shadow-utils ;;
esac

install_missing() {
  local missing=()
  [[ -x /usr/lib/systemd/systemd ]] || missing+=(systemd)
  command -v sudo > /dev/null || missing+=(sudo)
  command -v sshd > /dev/null || missing+=(openssh-server)
  command -v ps > /dev/null || missing+=("$procps")
  command -v ip > /dev/null || missing+=("$iproute")
  command -v useradd > /dev/null || missing+=("$shadow")
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if command -v apt-get > /dev/null; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      systemd-sysv dbus ca-certificates nftables "${missing[@]}"
    apt-get clean
    rm -rf /var/lib/apt/lists/*
  else
    yum install -y "${missing[@]}"
    yum clean all
  fi
}

make_user() {
  id "$user" > /dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
  # No password, and yet not a locked account, which sshd may refuse.
  usermod --password '*' --append --groups adm,systemd-journal "$user"
  install -d -m 0700 -o "$user" -g "$user" "/home/$user/.ssh"
  echo "$user ALL=(ALL) NOPASSWD: ALL" > "/etc/sudoers.d/$user"
  chmod 0440 "/etc/sudoers.d/$user"
}

admit_keys_only() {
  # sshd takes the first value that it meets.
  sed -i '1i AuthenticationMethods publickey\nPasswordAuthentication no' /etc/ssh/sshd_config
  # Host keys in an image would be the same on all machines; they are made when sshd first starts.
  rm -f /etc/ssh/ssh_host_*
  if [[ ! -e /usr/lib/systemd/system/sshd-keygen.target ]]; then
    cat > /etc/systemd/system/sshd-keygen.service << E
[Unit]
Description=Make the SSH host keys that are missing
Before=$ssh.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/ssh-keygen -A
[Install]
RequiredBy=$ssh.service
E
    systemctl enable sshd-keygen.service
  fi
  systemctl enable "$ssh.service"
}

# Some systems write their greeting again at each login, and tests look for what a run itself has written.
greet_nobody() { sed -i '/pam_motd/d' /etc/pam.d/sshd; }

boot_in_container() {
  # The runtime makes mounts private, and units that are given mounts (LoadCredential=) then miss them.
  cat > /etc/systemd/system/make-rshared.service <<'E'
[Unit]
Description=Share mounts, as on a real host
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/mount --make-rshared /
[Install]
WantedBy=sysinit.target
E
  systemctl enable make-rshared.service
  systemctl set-default multi-user.target
  # These need a console, devices, file systems or a kernel of the machine's own.
  systemctl mask console-getty.service getty.target systemd-logind.service \
    systemd-udevd.service systemd-udev-trigger.service systemd-firstboot.service systemd-remount-fs.service \
    dev-hugepages.mount sys-fs-fuse-connections.mount systemd-networkd-wait-online.service \
    e2scrub_all.timer fstrim.timer
  # The journal outlives a reboot if this folder exists.
  mkdir -p /var/log/journal
  # Empty: each machine gets an identity of its own when it first boots.
  rm -f /var/lib/dbus/machine-id
  : > /etc/machine-id
}

install_missing
make_user
admit_keys_only
greet_nobody
boot_in_container
