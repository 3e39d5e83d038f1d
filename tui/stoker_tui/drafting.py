"""Keys that edit: workflows that are made, changed, saved, published, rolled back."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from stoker_shared import api, routes
from stoker_shared.dag import downstream_of
from stoker_shared.difference import difference
from stoker_shared.model import JobConfig, WorkflowSpec
from stoker_shared.schedules import in_words
from stoker_shared.state import WorkflowVersion
from stoker_shared.text import clean_line, name_problem
from stoker_tui.actions import EditedNode, VersionOf
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.deeds import DEEDS
from stoker_tui.editing import document as documents
from stoker_tui.editing import edits
from stoker_tui.editing.document import Document
from stoker_tui.editing.edits import upstream_of
from stoker_tui.editing.keeping import Drawer, Keeper, Kept, unsaved_directory
