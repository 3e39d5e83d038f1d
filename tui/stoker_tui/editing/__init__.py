"""Changing a workflow's definition: edits, their history, inheritance, merging. Pure, but for `keeping`."""
