# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's settings for the pages of `make site`. build.sh makes their source."""

from docutils import nodes

project = title = "flasklaunch.ec2"
copyright = "The flasklaunch founders"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
# The anchors that GitHub gives headings, so that a link to one works on both.
myst_heading_anchors = 4
html_theme = "alabaster"
html_theme_options = {"description": "From a bare EC2 virtual machine to a Flask website", "page_width": "70em"}
html_show_sphinx = False
ANSIBLE = "https://docs.ansible.com/ansible/latest/"
# Pages of Ansible's documentation that generated pages refer to.
ANSIBLE_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def link_to_ansible(_app, _env, node, text):
    """Resolve a label of Ansible's documentation without its index, which Sphinx would download."""
    label = node.get("reftarget", "")
    page = ANSIBLE_PAGES.get(label)
    if page is None and label.startswith("ansible_collections.") and ".flasklaunch." not in label:
        page = "/".join(["collections", *label.split(".")[1:]]) + ".html"
    if page is not None:
        return nodes.reference("", "", text, refuri=ANSIBLE + page)
    return None  # Sphinx reports a broken link


def setup(app):
    app.connect("missing-reference", link_to_ansible)
