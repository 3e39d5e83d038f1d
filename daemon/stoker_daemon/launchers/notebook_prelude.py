"""Stoker made this script of a notebook: its session, how a cell is run and shown, and then its cells."""

import sys
import traceback

from pyspark.sql import DataFrame, SparkSession

# Python's own does not look into linecache for the lines of a cell before 3.13.
sys.excepthook = traceback.print_exception

spark = SparkSession.builder.getOrCreate()
sc = spark.sparkContext


def display(*things: object) -> None:
    """Show tables as tables, and all else as it is printed."""
    for thing in things:
        if isinstance(thing, DataFrame):
            thing.show(truncate=False)
        else:
            print(thing)


def _stoker_sql(text: str) -> None:
    table = spark.sql(text)
    if table.columns:
        display(table)


def _stoker_cell(number: int, source: str) -> None:
    """Run a cell as a notebook does: what its last expression comes to is shown, and errors name the cell."""
    # Imported here and not above, where a cell may give the names another meaning.
    import ast  # noqa: PLC0415
    import linecache  # noqa: PLC0415

    name = f"cell {number}"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    module = ast.parse(source, name)
    last = module.body[-1] if module.body else None
    if isinstance(last, ast.Expr):
        module.body.pop()
    scope = globals()
    exec(compile(module, name, "exec"), scope)  # noqa: S102 - a notebook is code
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), name, "eval"), scope)  # noqa: S307
        if value is not None and not source.rstrip().endswith(";"):
            print(repr(value))
