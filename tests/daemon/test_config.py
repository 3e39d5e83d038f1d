from __future__ import annotations

from pathlib import Path

import pytest

from stoker_daemon.config import Config, ConfigError, read_config
from stoker_shared import paths


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "stokerd.toml"


def written(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any configuration."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


class TestWithoutAnything:
    def test_everything_has_a_default(self, home: Path):
        config = read_config(None, {}, {})

        assert config == Config(
            data=paths.data_directory({}), socket=paths.data_directory({}) / "stokerd.sock", stop_grace=10.0
        )
        assert config.data.is_relative_to(home)

    def test_the_socket_is_where_clients_look_for_it(self, home: Path):
        for environment in (
            {},
            {"XDG_RUNTIME_DIR": "/run/user/7"},
            {"STOKER_DATA": "/srv/stoker"},
            {"STOKER_SOCKET": "/tmp/s", "XDG_RUNTIME_DIR": "/run/user/7"},
            {"STOKER_DATA": "", "STOKER_SOCKET": "", "STOKER_CONFIG": ""},
        ):
            config = read_config(None, environment, {})

            assert config.socket == paths.socket_path(environment)
            assert config.data == paths.data_directory(environment)

    def test_a_socket_in_the_data_directory_follows_it(self, home: Path, file: Path):
        written(file, 'data = "/srv/stoker"')

        assert read_config(file, {}, {}).socket == Path("/srv/stoker/stokerd.sock")


class TestPrecedence:
    def test_flags_win_over_the_environment_and_that_over_the_file(self, file: Path):
        written(file, 'data = "/file"\nsocket = "/file/s"\nstop_grace = 1')
        environment = {"STOKER_DATA": "/environment", "STOKER_STOP_GRACE": "2"}

        config = read_config(file, environment, {"data": "/flag"})

        assert config == Config(data=Path("/flag"), socket=Path("/file/s"), stop_grace=2.0)

    def test_an_empty_variable_says_nothing(self, file: Path):
        written(file, 'data = "/file"\nspark_home = "/opt/spark"')

        config = read_config(file, {"STOKER_DATA": "", "STOKER_SPARK_HOME": ""}, {})

        assert (config.data, config.spark_home) == (Path("/file"), Path("/opt/spark"))

    def test_the_file_is_the_one_that_is_named_before_the_usual_one(self, home: Path, file: Path):
        usual = paths.config_path({})
        usual.parent.mkdir(parents=True)
        written(usual, "stop_grace = 1")
        named = written(file, "stop_grace = 2")

        assert read_config(None, {}, {}).stop_grace == 1
        assert read_config(None, {"STOKER_CONFIG": str(named)}, {}).stop_grace == 2
        assert read_config(named, {"STOKER_CONFIG": "/nowhere"}, {}).stop_grace == 2
        assert read_config(None, {"STOKER_CONFIG": ""}, {}).stop_grace == 1


class TestPaths:
    def test_may_begin_with_the_home_directory(self, home: Path, file: Path):
        written(file, 'data = "~/stoker"')

        config = read_config(file, {}, {})

        assert config.data == home / "stoker"
        assert config.socket == home / "stoker" / "stokerd.sock"

    def test_are_absolute_wherever_the_daemon_goes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.chdir(tmp_path)

        assert read_config(None, {"STOKER_CONFIG": "/dev/null"}, {"data": "here"}).data == tmp_path / "here"


class TestARefusal:
    def test_of_an_unknown_key_names_the_nearest_known_one(self, file: Path):
        written(file, "stop_graze = 1")

        with pytest.raises(
            ConfigError, match="unknown field `stop_graze`; did you mean 'stop_grace'"
        ) as refused:
            read_config(file, {}, {})
        assert str(file) in str(refused.value)

    @pytest.mark.parametrize("text", ['stop_grace = "soon"', "stop_grace = []", "data = 7", "data = true"])
    def test_of_a_wrong_type_names_the_key(self, file: Path, text: str):
        written(file, text)

        with pytest.raises(ConfigError, match=text.split(maxsplit=1)[0]):
            read_config(file, {}, {})

    @pytest.mark.parametrize("grace", ["-1", "nan", "inf", "soon"])
    def test_of_a_grace_that_is_no_number_of_seconds(self, grace: str):
        with pytest.raises(ConfigError, match="stop_grace"):
            read_config(None, {"STOKER_CONFIG": "/dev/null", "STOKER_STOP_GRACE": grace}, {})

    @pytest.mark.parametrize("content", [b"data =", b"[", b"\xff\xfe", b"a = 1\na = 2"])
    def test_of_what_is_not_toml_names_the_file(self, file: Path, content: bytes):
        file.write_bytes(content)

        with pytest.raises(ConfigError, match=f"{file} can't be read"):
            read_config(file, {}, {})

    def test_of_a_file_that_is_named_and_not_there(self, file: Path):
        with pytest.raises(ConfigError, match=f"there is no configuration file {file}"):
            read_config(file, {}, {})
        with pytest.raises(ConfigError, match=f"there is no configuration file {file}"):
            read_config(None, {"STOKER_CONFIG": str(file)}, {})

    def test_of_a_directory(self, tmp_path: Path):
        with pytest.raises(ConfigError, match="can't be read"):
            read_config(tmp_path, {}, {})
