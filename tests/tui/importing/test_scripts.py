"""Scripts of shells, whose text another scheduler replaced."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_tui.importing.naming import Names
from stoker_tui.importing.quartz import DAY
from stoker_tui.importing.texts import Scope
from tests.tui.importing.exports import findings, prop, said, source, task


@pytest.mark.parametrize(
    "script",
    [
        "echo ${day} \"${day}\" '${day}' x'${day}'y",
        "echo $(echo '${day}') \"$(echo 'in ${day}')\" `echo '${day}'`",
        "cat <<EOF\nit's ${day}\nEOF\necho '${day}'",
        "cat <<-END\n\tdon't ${day}\n\tEND\necho '${day}'",
        "# don't\necho '${day}' # isn't ${day}\necho \"it's ${day}\"",
        'echo \\\' \'${day}\' \\" "a\\"${day}"',
        "case a in a) echo '${day}';; esac; (echo '${day}')",
        "x=5; echo $((1<<2)) ${x} '${x}' \"${x:-y}\"; cat <<< '${day}'",
        "awk 'BEGIN { print \"${day}\" }'",
        "echo '${system.biz.curdate}' \"$[yyyyMMdd]\"",
    ],
)
def test_a_script_prints_what_it_printed_when_its_text_was_replaced(script: str) -> None:
    names = Names()
    scope = Scope({"day": names.variable("day")}, DAY, names)
    translated = scope.script(script)
    made = {
        f"STOKER_{name.upper()}": said(value, datetime(2026, 11, 21)) for name, value in scope.made.items()
    }
    replaced = script.replace("${day}", "1 2  *.nothing").replace("${system.biz.curdate}", "20261122")
    replaced = replaced.replace("$[yyyyMMdd]", "20261122")

    def printed(text: str, **environment: str) -> str:
        clean = {"PATH": os.environ["PATH"]}
        return subprocess.run(
            ["bash", "-c", text], env=clean | environment, capture_output=True, text=True, check=True
        ).stdout

    assert printed(translated, STOKER_DAY="1 2  *.nothing", **made) == printed(replaced)


def test_what_no_shell_replaces_is_listed() -> None:
    one = task("a", params={"rawScript": "cat <<'E'\n${day}\nE\n", "localParams": [prop("day", "1")]})

    assert "${day}\n" in source(one)
    assert "'${day}' means nothing here" in findings(one)[0]


@given(st.text(alphabet="'\"`$(){}<>-#\\ \n\tEOFa[]", max_size=60))
def test_any_script_without_references_stays_as_it_is(script: str) -> None:
    names = Names()

    assert Scope({"day": "day"}, DAY, names).script(script) == script
