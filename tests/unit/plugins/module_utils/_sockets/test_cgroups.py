# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import cgroups
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.cgroups import Place

ID = "8d490f390c1e" + "0123456789abcdef" * 3 + "0123"
V1 = """\
11:memory:/system.slice/webserver.service
4:cpu,cpuacct:/system.slice/webserver.service
1:name=systemd:/system.slice/webserver.service
"""
HYBRID = "9:name=systemd:/system.slice/webserver.service\n8:pids:/\n0::/system.slice/webserver.service\n"
ENGINE_ON_V1 = f"9:name=systemd:/\n4:memory:/docker/{ID}\n0::/\n"
SYSTEMD_OF_V2_ON_V1 = (
    f"9:name=systemd:/docker/{ID}\n4:memory:/docker/{ID}\n0::/docker/{ID}/system.slice/webserver.service\n"
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("0::/system.slice/webserver.service\n", Place("webserver.service")),
        (V1, Place("webserver.service")),
        (HYBRID, Place("webserver.service")),
        (ENGINE_ON_V1, Place(None, None, ID)),
        (SYSTEMD_OF_V2_ON_V1, Place(None, None, ID)),
        ("9:name=systemd:/user.slice/user-0.slice/session-1.scope\n0::/init.scope\n", Place("session-1.scope")),
        ("0::/system.slice/a:b.service\n", Place("a:b.service")),
        ("0::/\n", Place()),
        ("", Place()),
        ("nonsense\n:\n", Place()),
    ],
    ids=["v2", "v1", "hybrid", "engine on v1", "v2 on v1", "named first", "colon", "root", "no cgroups", "nonsense"],
)
def test_L21_place_of_a_process(text, place):
    assert cgroups.place_of_process(text, {}) == place


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", Place()),
        ("/init.scope", Place("init.scope")),
        ("/system.slice/webserver.service", Place("webserver.service")),
        ("/system.slice/system-getty.slice/getty@tty1.service", Place("getty@tty1.service")),
        ("/a.slice/a-b.slice/a-b-c.slice/x@1.service", Place("x@1.service")),
        ("/system.slice/webserver.service/worker/3", Place("webserver.service")),
        ("/system.slice/webserver.service (deleted)", Place("webserver.service")),
        ("/system.slice/_cpu.service", Place("cpu.service")),
        ("/system.slice/ssh.socket", Place("ssh.socket")),
        ("/user.slice/user-1000.slice/session-3.scope", Place("session-3.scope")),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", Place("user@1000.service", "init.scope")),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/webserver.service",
            Place("user@1000.service", "webserver.service"),
        ),
        (f"/system.slice/docker-{ID}.scope", Place(f"docker-{ID}.scope", None, ID)),
        (f"/docker/{ID}", Place(None, None, ID)),
        (f"/docker/{ID}/system.slice/webserver.service", Place(None, None, ID)),
        ("/webserver.service", Place("webserver.service")),
        ("/lxc/web/system.slice/webserver.service", Place()),
        ("/system.slice/docker.service/app.scope", Place("docker.service")),
        (f"/machine.slice/libpod-{ID}.scope/container", Place(f"libpod-{ID}.scope", None, ID)),
        (
            f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container",
            Place("user@1000.service", f"libpod-{ID}.scope", ID),
        ),
        (
            f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_ab.slice/cri-containerd-{ID}.scope",
            Place(f"cri-containerd-{ID}.scope", None, ID),
        ),
        (
            f"/system.slice/containerd.service/kubepods-besteffort-pod7:cri-containerd:{ID}",
            Place("containerd.service", None, ID),
        ),
        (f"/kubepods/besteffort/pod12/{ID}", Place(None, None, ID)),
        (f"/docker/{ID}/docker/{ID[::-1]}", Place(None, None, ID[::-1])),
    ],
)
def test_L21_unit_and_container_of_a_path(path, place):
    assert cgroups.place(path) == place


@pytest.mark.parametrize(
    ("first_process", "path", "place"),
    [
        (f"/docker/{ID}/init.scope", f"/docker/{ID}/system.slice/webserver.service", Place("webserver.service")),
        (
            f"/system.slice/docker-{ID}.scope/init.scope",
            f"/system.slice/docker-{ID}.scope/x.service",
            Place("x.service"),
        ),
        (f"/docker/{ID}", f"/docker/{ID}", Place()),
        ("/init.scope", "/system.slice/webserver.service", Place("webserver.service")),
        ("/", f"/docker/{ID}", Place(None, None, ID)),
        ("/a.slice/b", "/a.slice/b-c.service", Place("b-c.service")),
    ],
    ids=["systemd inside", "of a scope", "no systemd inside", "host", "host without systemd", "a name that begins so"],
)
def test_L21_inside_a_container_the_paths_begin_there(first_process, path, place):
    roots = cgroups.roots_in(f"1:name=systemd:{first_process}\n0::/elsewhere\n")
    assert cgroups.place_of_process(f"0::/\n1:name=systemd:{path}\n", roots) == place


def test_L21_systemd_of_cgroup_v2_in_a_container_of_v1():
    roots = cgroups.roots_in(f"9:name=systemd:/docker/{ID}\n0::/docker/{ID}/init.scope\n")
    assert cgroups.place_of_process(SYSTEMD_OF_V2_ON_V1, roots) == Place("webserver.service")


def test_L21_the_hierarchy_of_systemd_comes_first():
    text = "4:memory:/m\n0::/two\n9:name=systemd:/one\n2:cpu:/c\n"
    assert list(cgroups.paths_in(text).items()) == [
        ("name=systemd", "/one"),
        ("", "/two"),
        ("memory", "/m"),
        ("cpu", "/c"),
    ]


def test_L21_the_root_cgroup_is_no_prefix():
    assert cgroups.roots_in("9:name=systemd:/init.scope\n4:memory:/\n") == {"name=systemd": "", "memory": ""}
