"""Folders as options of the command line."""

from pathlib import Path
from typing import Any

import click


class Folder(click.Path):
    """A folder, there or not. An empty text, of a variable that is not set, is none.

    Taken as the folder that one stands in, it would put a CA's key or a cluster there.
    """

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    # Any: click's own signature.
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Return the path that a text stands for."""
        if value == "":
            self.fail("expected a folder, found nothing", param, ctx)
        return super().convert(value, param, ctx)
