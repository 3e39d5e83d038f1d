import json
from typing import Any

import pytest

from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.launchers.notebook import script

PYTHON = {"language_info": {"name": "python"}}


def code(*sources: str | list[str], **more: Any) -> bytes:
    """A notebook of code cells."""
    cells = [{"cell_type": "code", "source": source, "outputs": [], "metadata": {}} for source in sources]
    return json.dumps({"nbformat": 4, "metadata": PYTHON, "cells": cells, **more}).encode()


def translated(content: bytes) -> str:
    return script(content, "etl/x.ipynb", lambda sql, _: sql.replace("${ds}", "2026-11-21")).decode()


def cells(content: bytes) -> dict[int, str]:
    """The code that each cell comes to, by its number."""
    ran: dict[int, str] = {}
    part = translated(content).partition("\n# cell 1\n")[2]
    exec(part, {"_stoker_cell": ran.__setitem__})
    return ran


def refusal(content: bytes) -> str:
    with pytest.raises(CannotLaunch) as caught:
        translated(content)
    return str(caught.value)


def test_code_cells_come_in_order_each_under_its_number() -> None:
    notebook = json.loads(code(["a = 1\n", "b = '\u2028'"], "", "a + 1"))
    notebook["cells"].insert(1, {"cell_type": "markdown", "source": "# Title"})

    content = json.dumps(notebook).encode()

    assert cells(content) == {1: "a = 1\nb = '\u2028'", 2: "a + 1"}
    assert "\n# cell 2\n" in translated(content)


def test_a_notebook_of_nbformat_3_has_its_cells_in_worksheets() -> None:
    sheet = {"cells": [{"cell_type": "code", "input": ["a = 1"], "language": "python"}]}
    content = json.dumps({"nbformat": 3, "metadata": {"name": ""}, "worksheets": [sheet]}).encode()

    assert cells(content) == {1: "a = 1"}


def test_sql_is_run_by_the_session_with_its_variables_replaced() -> None:
    content = code("%%sql\nselect 'it''s',\n '${ds}';\n", "if a:\n    %sql select 1\nprint(a)")

    assert cells(content) == {
        1: "_stoker_sql(\"select 'it''s',\\n '2026-11-21'\")",
        2: "if a:\n    _stoker_sql('select 1')\nprint(a)",
    }


def test_a_percent_sign_that_begins_a_line_of_python_is_python() -> None:
    source = 'a = (7\n % 4)\ntext = """\n!no command\n%sql no magic\n"""'

    assert cells(code(source)) == {1: source}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (code("a = 1", "b = 2\n%matplotlib inline"), "cell 2, line 2: of magics there are only %sql and"),
        (
            code("\n%%time\na = 1"),
            "cell 1, line 2: of magics there are only %sql and %%sql; take '%%time' out",
        ),
        (code("  !pip install x"), "cell 1, line 1: '!pip install x' is for a shell"),
        (code(metadata={"language_info": {"name": "scala"}}), "is a notebook in scala; only those in Python"),
        (code(nbformat=2), "is of nbformat 2; save it as 4"),
        (b"{", "is not a notebook that can be read: Input data was truncated"),
        (b'{"cells": []}', "is not a notebook that can be read: Object missing required field `nbformat`"),
    ],
)
def test_what_cannot_be_run_is_refused_by_cell_and_line(content: bytes, why: str) -> None:
    assert refusal(content).startswith("etl/x.ipynb")
    assert why in refusal(content)


def test_syntax_that_this_python_does_not_know_is_left_to_the_jobs_own() -> None:
    assert cells(code("new syntax of later")) == {1: "new syntax of later"}
