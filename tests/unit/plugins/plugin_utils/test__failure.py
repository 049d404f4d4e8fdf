"""Explanations of the output of a task's programs."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _failure


@pytest.mark.parametrize(
    ("output", "key", "words"),
    [
        ("python3: missing python3\r\npython3: version 3.9.16\r\n", "python3: version", "3.9.16"),
        ("flask: cannot reach: No route to host", "flask: cannot reach:", "No route to host"),
        ("a: b 1\na: b 2", "a: b", "1"),
        ("a: \x1b[31mred", "a:", "[31mred"),
        ("", "a:", ""),
        ("a.b 1", "aXb", ""),
        ("aXb 1", "a.b", ""),
    ],
)
def test_reported(output, key, words):
    assert _failure.reported(output, key) == words


@pytest.mark.parametrize(
    ("stdout", "stderr", "words"),
    [
        (
            ["python3: missing python3", "Loading", "python3: failed: yum could not install it. yum said:"],
            ["Error: Unable to find a match", "Shared connection to 10.0.1.20 closed."],
            "yum could not install it. yum said: Error: Unable to find a match",
        ),
        (["python3: failed: yum must be root."], [], "yum must be root."),
        (
            ["  last words \x1b "],
            ["Connection to web1 closed"],
            "The machine could not run the installation. last words",
        ),
        ([], [], "The machine could not run the installation."),
    ],
)
def test_install_failure(stdout, stderr, words):
    assert _failure.install_failure({"rc": 1, "stdout_lines": stdout, "stderr_lines": stderr}) == words


def test_install_failure_without_an_answer():
    assert _failure.install_failure({"rc": 1, "msg": "x"}) == "The machine could not run the installation."


MANAGED = {"2.17": "3.7", "2.19": "3.8", "2.20": "3.10"}


@pytest.mark.parametrize(
    ("core", "version", "words"),
    [
        ("2.19", "3.8.0", ""),
        ("2.19", "3.11.2\r", ""),
        ("2.99", "3.10.0", ""),
        ("2.99", "3.9.16", "ansible-core 2.99 manages Python 3.10 and newer; this machine's is 3.9.16."),
        ("2.20", "3.7.4", "Run the playbook with ansible-core 2.17 (pip install 'ansible-core==2.17.*'), or"),
        ("2.20", "3.8.1", "Run the playbook with ansible-core 2.19 (pip"),
        ("2.17", "3.6.8", "This machine's Python is 3.6.8, and this collection manages 3.7 and newer."),
        ("2.17", "2.7.18", "This machine's Python is 2.7.18, and"),
    ],
)
def test_python_failure_names_the_core_that_manages_the_machine(core, version, words):
    result = {"rc": 0, "stdout": f"python3: version {version}\n"}
    found = _failure.python_failure(result, core, ["/usr/bin/python3"], MANAGED)
    assert bool(found) == bool(words)
    assert words in found


def test_python_failure_without_a_python():
    found = _failure.python_failure({"rc": 0, "stdout": ""}, "2.19", ["/a/python3", "/b/python3"], MANAGED)
    assert found.startswith("No Python was found in /a/python3, /b/python3. Set ansible_python_interpreter")


def test_python_failure_of_yum():
    result = {"rc": 1, "stdout": "python3: version 3.9.1", "stdout_lines": ["python3: failed: yum must be root."]}
    assert _failure.python_failure(result, "2.19", [], MANAGED) == "yum must be root."


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"stderr": "Trying\nNo space left\n", "msg": "non-zero return code"}, "No space left"),
        ({"stderr": " ", "msg": "first\nnot found"}, "not found"),
        ({"stderr": None}, "it failed"),
        ({}, "it failed"),
        ({"stderr": "\u202eevil"}, "evil"),
    ],
)
def test_last_words(result, words):
    assert _failure.last_words(result, "it failed") == words


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            {"stderr": "fatal: repository\n  'https://me:k3y@git.example/a.git/' not found\n", "msg": "x"},
            "fatal: repository 'https://git.example/a.git/' not found",
        ),
        ({"stderr": "", "msg": "Failed to find required executable git"}, "Failed to find required executable git"),
        ({}, ""),
        ({"stderr": "x" * 500}, "x" * 399 + "…"),
    ],
)
def test_git_failure(result, words):
    assert _failure.git_failure(result) == words
