# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the tables of variables into each role's README.md, from its meta/argument_specs.yml.

    python tests/role_tables.py            writes them
    python tests/role_tables.py --check    fails when one is not up to date

The text outside of the two markers is written by hand and left alone.
"""

from __future__ import annotations

import pathlib
import re
import sys
from typing import Any, Iterable, Mapping

import yaml

ROLES = pathlib.Path(__file__).parents[1] / "roles"
BEGIN = "<!-- Made by `make docs` from meta/argument_specs.yml: -->"
END = "<!-- End of what `make docs` made. -->"

# Ansible's markup: https://docs.ansible.com/ansible/latest/dev_guide/ansible_markup.html
MARKUP = re.compile(r"\b(C|V|O|RV|E|I|B|M|P|U|L|R)\(((?:\\.|[^)\\])*)\)")


def markdown(text: str) -> str:
    """Return a paragraph with Ansible's markup as Markdown."""

    def replaced(found: re.Match) -> str:
        letter, inner = found[1], re.sub(r"\\(.)", r"\1", found[2])
        if letter in ("I", "B"):
            mark = {"I": "*", "B": "**"}[letter]
            return f"{mark}{inner}{mark}"
        if letter == "U":
            return f"<{inner}>"
        if letter in ("L", "R"):
            title, target = (part.strip() for part in inner.rsplit(",", 1))
            return f"[{title}]({target})" if letter == "L" else title
        if letter in ("O", "RV"):
            inner = re.sub(r"^[\w.]+#\w+:", "", inner)  # the name of the plugin or role
        if letter == "P":
            inner = inner.split("#")[0]
        return f"`{inner}`"

    return MARKUP.sub(replaced, text)


def paragraphs(description: str | list[str]) -> str:
    """Return one or several paragraphs as text for a cell of a table."""
    return " ".join(markdown(each) for each in ([description] if isinstance(description, str) else description))


def kind(option: Mapping[str, Any]) -> str:
    elements = f" of {option['elements']}" if "elements" in option else ""
    return option.get("type", "str") + elements + (", required" if option.get("required") else "")


def value(given: Any) -> str:
    """Return a value as in YAML, but texts that are not empty without quotes."""
    if given is None:
        return ""
    if given == "":
        return '`""`'
    if isinstance(given, str):
        return f"`{given}`"
    return f"`{yaml.safe_dump(given, default_flow_style=True, width=1000).splitlines()[0]}`"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(head)
    body = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)]


def does(point: Mapping[str, Any]) -> str:
    return f"{markdown(point['short_description'])}. {paragraphs(point['description'])}"


def described(option: Mapping[str, Any]) -> str:
    choices = ", ".join(value(choice) for choice in option.get("choices", []))
    return paragraphs(option["description"]) + (f" One of {choices}." if choices else "")


def tables(specs: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]) -> str:
    """Return the tables of a role's entry points, if there are several, and of the variables of all of them.

    A default that the specification lacks comes from `defaults`: the specification cannot have a template for a value
    that is not a text.
    """
    points = sorted(specs, key=lambda point: point != "main")
    lines = []
    if len(points) > 1:
        rows = ([f"`{point}`", does(specs[point])] for point in points)
        lines += [*table(["`tasks_from`", "what it does"], rows), ""]
    options = dict(item for point in points for item in specs[point].get("options", {}).items())
    rows = (
        [f"`{name}`", kind(option), value(option.get("default", defaults.get(name))), described(option)]
        for name, option in options.items()
    )
    lines += table(["variable", "type", "default", "description"], rows)
    return "\n".join(lines)


def renewed(readme: str, made: str) -> str:
    """Return the text of a README.md with `made` between the markers."""
    before, begin, rest = readme.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"has not the lines {BEGIN} and {END}, between which its tables are to be")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def main(check: bool, roles: pathlib.Path = ROLES) -> str:
    """Write the tables of all roles, or check them. Returns what is wrong."""
    wrong = []
    for role in sorted(roles.iterdir()):
        readme = role / "README.md"
        specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
        defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text())
        try:
            text = readme.read_text()
            new = renewed(text, tables(specs, defaults))
        except (FileNotFoundError, ValueError) as error:
            wrong.append(f"{readme}: {error}")
            continue
        if check and new != text:
            wrong.append(f"{readme} is not what the role's meta/argument_specs.yml says: run `make docs`.")
        elif new != text:
            readme.write_text(new)
    return "\n".join(wrong)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv) or 0)
