"""The artifact for Galaxy contains only the collection, and works without a checkout."""

import tarfile

import pytest
from conftest import changes, copied_inventory, run


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifact")
    built = run("ansible-galaxy", "collection", "build", "--output-path", str(folder))
    assert built.returncode == 0, built.stdout
    return next(folder.glob("flasklaunch-ec2-*.tar.gz"))


def test_artifact_contains_the_collection_without_its_tools(artifact):
    with tarfile.open(artifact) as archive:
        top = {name.split("/")[0] for name in archive.getnames()}
    assert top == {
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "FILES.json",
        "LICENSE",
        "MANIFEST.json",
        "README.md",
        "changelogs",
        "docs",
        "files",
        "meta",
        "playbooks",
        "plugins",
        "roles",
    }


def test_installed_artifact_runs_without_a_checkout(artifact, demo, tmp_path):
    installed = run(
        "ansible-galaxy",
        "collection",
        "install",
        str(artifact),
        "--no-deps",
        "--force",
        "-p",
        str(tmp_path / "collections"),
    )
    assert installed.returncode == 0, installed.stdout
    copied_inventory(tmp_path / "inventory")
    site = run(
        "ansible-playbook",
        "flasklaunch.ec2.site",
        "-i",
        "inventory",
        cwd=tmp_path,
        ANSIBLE_COLLECTIONS_PATH=str(tmp_path / "collections"),
    )
    assert site.returncode == 0, site.stdout
    assert changes(site.stdout) == [0]
    documented = run(
        "ansible-doc",
        "-t",
        "module",
        "flasklaunch.ec2.listening_ports_info",
        cwd=tmp_path,
        ANSIBLE_COLLECTIONS_PATH=str(tmp_path / "collections"),
    )
    assert str(tmp_path / "collections") in documented.stdout
