import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.launchers.submit import words


def as_it_is(text: str, _: str) -> str:
    return text


def read(text: str) -> tuple[str, ...]:
    return words(text.encode(), "etl/x.submit", as_it_is)


def test_words_are_read_over_lines_as_a_shell_reads_them() -> None:
    text = (
        "# what runs\n--class org.example.Main \\\n"
        "  --conf 'spark.x=a b'\n\n/opt/etl.jar --date \"it's\" env.tar.gz#env\n"
    )

    assert read(text) == (
        *("--class", "org.example.Main", "--conf", "spark.x=a b"),
        *("/opt/etl.jar", "--date", "it's", "env.tar.gz#env"),
    )


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_variable_s_value_is_one_word_whatever_is_in_it(value: str) -> None:
    found = words(b"a.jar ${x} end", "x.submit", lambda text, _: text.replace("${x}", value))

    assert found == ("a.jar", value, "end")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a.jar\n--name 'x\n", "etl/x.submit:2: no closing quotation"),
        ("a.jar\n --properties-file x", "etl/x.submit:2: Stoker gives --properties-file itself"),
        ("--properties-file=x a.jar", "etl/x.submit:1: Stoker gives --properties-file itself"),
        ("# nothing\n", "etl/x.submit says nothing; write the arguments of spark-submit into it"),
    ],
)
def test_what_cannot_be_read_is_refused_by_line(text: str, why: str) -> None:
    with pytest.raises(CannotLaunch) as caught:
        read(text)
    assert str(caught.value).startswith(why)


def test_a_variable_is_looked_for_with_its_place_in_the_file() -> None:
    seen: list[str] = []

    def replaced(text: str, _: str) -> str:
        seen.append(text)
        return text

    words(b"a.jar\n  --date '${dss}'", "x.submit", replaced)

    assert seen[1:] == ["\n  --date", "\n          ${dss}"]
