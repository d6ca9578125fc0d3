"""The texts of a project's CI jobs and of its pre-commit hook, as its place in the repository needs them."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

from harness.core.errors import printable

if TYPE_CHECKING:
    from harness.core.setup.place import Place

# Everything is in the job itself, so that it works without another repository's workflow.
_GITHUB = """\
# Compares the golden files{where} on every push. To take home what drifted, in the project's directory:
#   gh run download RUN_ID --name golden-obtained --dir obtained
#   harness take obtained --reason "..."
name: {name}

on: [push, pull_request]

permissions:
  contents: read

concurrency:
  group: ${{{{ github.workflow }}}}-${{{{ github.ref }}}}
  cancel-in-progress: ${{{{ github.event_name == 'pull_request' }}}}

jobs:
  golden:
    runs-on: ubuntu-latest
    timeout-minutes: 60
{defaults}    steps:
      - uses: actions/checkout@v7
        with:
          fetch-depth: 0 # the audit compares golden files with older commits
          persist-credentials: false
      - uses: actions/setup-python@v7
        with:
          python-version: "3.x"
      - run: pip install "golden-harness[report]"{requirements}
      - run: harness verify --format github
      - run: harness audit --quiet
      - run: pytest --golden-report golden-report.html --golden-samples golden-samples.json
      - name: Keep the page, and samples for `harness calibrate --samples`
        if: ${{{{ !cancelled() }}}}
        uses: actions/upload-artifact@v7
        with:
          name: golden-report
          path: |
            {inside}golden-report.html
            {inside}golden-samples.json
          if-no-files-found: ignore
      - name: Keep what tests obtained, for `harness take`
        if: ${{{{ failure() }}}}
        uses: actions/upload-artifact@v7
        with:
          name: golden-obtained
          path: {obtained}
          include-hidden-files: true
          if-no-files-found: ignore
"""

_GITLAB = """\
# Compares the golden files{where} in every pipeline; .gitlab-ci.yml includes this file. To take home what
# drifted, download the job's artifacts, and in the project's directory:
#   harness take artifacts.zip --reason "..."
{name}:
  stage: test
  image: python:3.13
  needs: []
  interruptible: true
  variables:
    GIT_DEPTH: "0" # the audit compares golden files with older commits
  before_script:
{enter}    - pip install "golden-harness[report]"{requirements}
  script:
    - harness verify
    - harness audit --quiet
    - pytest --golden-report golden-report.html --golden-samples golden-samples.json
      --junit-xml golden-junit.xml
  artifacts:
    when: always
    paths:
      - {report}
      - {samples}
      - {obtained}
    reports:
      junit: {junit}
"""

_HOOK = """\
- repo: local
  hooks:
    - id: harness-verify
      name: {name}
      entry: {entry}
      language: system
      pass_filenames: false
      always_run: true
"""


def job_name(place: Place) -> str:
    """Return the name of a project's job, which is unlike that of another project in the repository.

    >>> from pathlib import Path
    >>> from harness.core.setup.place import Place
    >>> job_name(Place(Path("/repository"), "packages/waves"))
    'golden-packages-waves'
    """
    parts = "-".join(filter(None, re.split(r"[^A-Za-z0-9_.]+", place.folder)))
    return f"golden-{parts}" if parts else "golden"


def github_workflow(place: Place, requirements: str) -> str:
    """Return the workflow that compares the golden files of the project at *place* on GitHub.

    Parameters
    ----------
    place : Place
    requirements : str
        What pip installs beside the harness, after a space; or empty.
    """
    folder = _scalar(place.folder)
    defaults = f"    defaults:\n      run:\n        working-directory: {folder}\n" if place.folder else ""
    return _GITHUB.format(
        where=_where(place),
        name=job_name(place),
        inside=printable(place.inside),
        defaults=defaults,
        requirements=requirements,
        obtained=_scalar(f"{place.inside}.harness/obtained/"),
    )


def gitlab_jobs(place: Place, requirements: str) -> str:
    """Return the GitLab job that compares the golden files; parameters as :func:`github_workflow`."""
    files = {
        "report": "golden-report.html",
        "samples": "golden-samples.json",
        "junit": "golden-junit.xml",
        "obtained": ".harness/obtained/",
    }
    enter = _scalar(f"cd {shlex.quote(place.folder)}")
    return _GITLAB.format(
        where=_where(place),
        name=job_name(place),
        enter=f"    - {enter}\n" if place.folder else "",
        requirements=requirements,
        **{key: _scalar(f"{place.inside}{file}") for key, file in files.items()},
    )


def hook(place: Place) -> str:
    """Return the entry of .pre-commit-config.yaml that compares golden files with the registry."""
    name = f"golden files{_where(place)} match registry.json"
    return _HOOK.format(name=_scalar(name), entry=_scalar(hook_command(place)))


def hook_command(place: Place) -> str:
    """Return what the hook runs, in the root of the repository.

    >>> from pathlib import Path
    >>> from harness.core.setup.place import Place
    >>> hook_command(Place(Path("/repository"), "packages/waves"))
    'harness verify --root packages/waves'
    """
    return f"harness verify --root {shlex.quote(place.folder)}" if place.folder else "harness verify"


def _where(place: Place) -> str:
    return f" of {printable(place.folder)}" if place.folder else ""


def _scalar(text: str) -> str:
    """Return a text as YAML reads it back; in quotes only if it needs them."""
    return text if re.fullmatch(r"[A-Za-z0-9./_][A-Za-z0-9 ./_-]*", text) else json.dumps(text)
