"""``harness install-git``: configure git's diff and merge for golden files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.group import verb
from harness.commands.options import emit, json_option, project_to_write, root_option
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from harness.core.registry.install_git import Setting


@verb("install-git")
@root_option
@json_option
def command(root: Path | None, *, as_json: bool) -> int:
    """Adds lines to .gitattributes and sets commands in the git configuration of this clone.

    Then `git diff` shows an .npz file as a table of its arrays, and `git merge` merges registry.json entry by
    entry. Existing lines of .gitattributes are kept. Commit .gitattributes, and run this command once in
    every clone. Running it again changes nothing.

    \b
    Example:
      harness install-git --root .
    """
    from harness.core.registry.install_git import install, require_work_tree

    require_work_tree(root or Path.cwd())
    settings = install(project_to_write(root))
    emit({"settings": settings}, as_json=as_json, render=lambda: _show(settings))
    return 0


def _show(settings: tuple[Setting, ...]) -> None:
    for setting in settings:
        show_lines([f"{setting.place}: {'set' if setting.changed else 'kept'} {setting.text}"])
    if any(setting.changed and setting.place == ".gitattributes" for setting in settings):
        show_lines(["Commit .gitattributes, and run `harness install-git` once in every clone."])
