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
def test_yum_failure(stdout, stderr, words):
    assert _failure.yum_failure({"rc": 1, "stdout_lines": stdout, "stderr_lines": stderr}) == words


def test_yum_failure_without_an_answer():
    assert _failure.yum_failure({"rc": 1, "msg": "x"}) == "The machine could not run the installation."


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
