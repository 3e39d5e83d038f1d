"""A page on which something is edited: what is not saved of it is kept."""

from __future__ import annotations

from collections.abc import Sequence

from stoker_tui.editing.keeping import Keeper, Kept
from stoker_tui.screens.page import Page


class UnsavedPage(Page):
    """Whatever is done on it is on disk before the next key, until it is saved or given up."""

    def __init__(self) -> None:
        super().__init__()
        self._keeper: Keeper | None = None
        self._failed = False
        self._log = ""
        self._workspace = ""

    @property
    def what(self) -> str:
        """Name what is edited."""
        raise NotImplementedError

    @property
    def is_unsaved(self) -> bool:
        """Whether something would be lost by leaving, if it were not kept."""
        raise NotImplementedError

    @property
    def why_no_save(self) -> str:
        """Say why it can't be saved as it is; nothing where it can."""
        return ""

    @property
    def is_kept(self) -> bool:
        """Whether it is kept anywhere."""
        return self._keeper is not None and not self._failed

    @property
    def secret(self) -> Sequence[str]:
        """Name what of it is secret, and so not kept."""
        return ()

    def kept(self, log: str, workspace: str) -> Kept:
        """Give what is to be kept."""
        raise NotImplementedError

    async def save_all(self) -> bool:
        """Save it, or say why it can't be, and tell whether all of it is saved."""
        raise NotImplementedError

    def keep_in(self, keeper: Keeper | None) -> None:
        """Have it kept; nowhere, where nothing can be."""
        self._keeper = keeper

    def on_mount(self) -> None:
        """Keep what is not saved."""
        super().on_mount()
        self.stoker.editing.add(self)
        status = self.stoker.mirror.status
        self._log = status.log if status else ""
        self._workspace = self.stoker.link.workspace
        self.keep()

    def on_unmount(self) -> None:
        """Let go of it; what is not saved stays kept, unless it was given up."""
        super().on_unmount()
        self.stoker.editing.discard(self)
        if self._keeper:
            self._keeper.let_go()

    def keep(self) -> None:
        """Have what is not saved on disk, and nothing where all is saved."""
        if self._keeper is None:
            return
        try:
            if self.is_unsaved:
                self._keeper.keep(self.kept(self._log, self._workspace))
            else:
                self._keeper.drop()
        except OSError as error:
            self._failed = True
            # After what is said of that which was done.
            self.call_later(self.say, f"can't be kept here: {error.strerror}; save it before you leave")
        else:
            self._failed = False

    def give_up(self) -> None:
        """Keep nothing of what is not saved."""
        if self._keeper:
            self._keeper.drop()
            self._keeper = None

    def holds_back(self) -> bool:
        """Ask what becomes of what is not saved, and tell whether there is anything to ask."""
        if self.is_unsaved:
            self.stoker.ask_leaving(self)
        return self.is_unsaved

    def back(self) -> bool:
        """Leave only when all is saved, kept or given up."""
        return self.holds_back()
