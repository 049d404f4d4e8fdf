"""The files that pip reads for a requirements file on the machine. test_requirements.py tests the single lines."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import requirement_files


def closure(folder, texts):
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = requirement_files.closure(str(folder / "app" / "requirements.txt"))
    return [[path[len(str(folder)) + 1 :] for path in paths] for paths in found]


def test_included_files_are_beside_the_including_one_and_projects_beside_the_first(tmp_path):
    texts = {
        "app/requirements.txt": "flask>=3\n-r more/prod.txt\n-c ../limits.txt\n./lib\nhttps://host/x.whl\n-r https://host/r\n",
        "app/more/prod.txt": f"-r base.txt\n-e ./other[x]\nname @ file://{tmp_path}/wheels/x.whl\n",
        "app/more/base.txt": "-r prod.txt\n",
        "limits.txt": "markdown<4\n",
    }
    assert closure(tmp_path, texts) == [
        ["app/requirements.txt", "app/more/prod.txt", "limits.txt", "app/more/base.txt"],
        ["app/lib", "app/other", "wheels/x.whl"],
    ]


def test_a_project_is_installed_from_its_folder(tmp_path):
    """Its own files name its requirements, and pip reads them."""
    path = str(tmp_path / "pyproject.toml")
    assert requirement_files.closure(path) == ([path], [str(tmp_path)])
    assert requirement_files.arguments(path) == [str(tmp_path)]
    assert requirement_files.arguments("/app/requirements.txt") == ["--requirement", "/app/requirements.txt"]


def test_folders_of_archives_are_beside_their_file_if_they_exist_there(tmp_path):
    (tmp_path / "app" / "more" / "wheels").mkdir(parents=True)
    texts = {
        "app/requirements.txt": "-r more/prod.txt\n",
        "app/more/prod.txt": "--find-links wheels\n--find-links others\n",
    }
    assert closure(tmp_path, texts)[1] == ["app/more/wheels", "app/others"]


def test_lines_that_pip_refuses_are_left_to_pip(tmp_path):
    texts = {"app/requirements.txt": "-r missing.txt\n-r latin.txt\n", "app/latin.txt": b"-r \xe9.txt\n"}
    assert closure(tmp_path, texts) == [["app/requirements.txt", "app/latin.txt"], []]


def test_what_the_text_of_a_lock_file_names(tmp_path):
    path = str(tmp_path / "pylock.toml")
    (tmp_path / "pylock.toml").touch()
    text = ".\n--find-links ./wheels\n./libs/a ; marker\nb @ git+https://git.example/b@c\nflask==3 --hash=sha256:ab\n"
    here = [str(tmp_path), str(tmp_path / "wheels"), str(tmp_path / "libs/a")]
    assert requirement_files.closure(path, text) == ([path], here)
