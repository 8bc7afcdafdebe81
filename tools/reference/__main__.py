"""Write docs/reference/, a page for each kind of thing that one looks up."""

from pathlib import Path

from exaggerated_replay.files import write_text
from tools.reference.arms import arms_page
from tools.reference.commands import commands_page
from tools.reference.options import options_page
from tools.reference.settings import settings_page
from tools.reference.studies import studies_page
from tools.reference.tables import files_page

FOLDER = Path("docs/reference")
PAGES = {
    "settings.md": settings_page,
    "arms.md": arms_page,
    "studies.md": studies_page,
    "options.md": options_page,
    "files.md": files_page,
    "command-line.md": commands_page,
}
"""File -> what writes its text, from the repository that is the current folder."""


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        write_text(FOLDER / name, page())


if __name__ == "__main__":
    main()
