from __future__ import annotations

import re
from pathlib import Path

import pytest

from stoker_daemon.access.rules import Roles
from stoker_daemon.check import findings
from stoker_daemon.config import SETTINGS, Config, ConfigError, as_toml, read_config
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
        config = read_config(None, {}, {}).config

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
            config = read_config(None, environment, {}).config

            assert config.socket == paths.socket_path(environment)
            assert config.data == paths.data_directory(environment)

    def test_a_socket_in_the_data_directory_follows_it(self, home: Path, file: Path):
        written(file, 'data = "/srv/stoker"')

        assert read_config(file, {}, {}).config.socket == Path("/srv/stoker/stokerd.sock")


class TestPrecedence:
    def test_flags_win_over_the_environment_and_that_over_the_file(self, file: Path):
        written(file, 'data = "/file"\nsocket = "/file/s"\nstop_grace = 1')
        environment = {"STOKER_DATA": "/environment", "STOKER_STOP_GRACE": "2"}

        config = read_config(file, environment, {"data": "/flag"}).config

        assert config == Config(data=Path("/flag"), socket=Path("/file/s"), stop_grace=2.0)

    def test_an_empty_variable_says_nothing(self, file: Path):
        written(file, 'data = "/file"\nspark_home = "/opt/spark"')

        config = read_config(file, {"STOKER_DATA": "", "STOKER_SPARK_HOME": ""}, {}).config

        assert (config.data, config.spark_home) == (Path("/file"), Path("/opt/spark"))

    def test_the_file_is_the_one_that_is_named_before_the_usual_one(self, home: Path, file: Path):
        usual = paths.config_path({})
        usual.parent.mkdir(parents=True)
        written(usual, "stop_grace = 1")
        named = written(file, "stop_grace = 2")

        assert read_config(None, {}, {}).config.stop_grace == 1
        assert read_config(None, {"STOKER_CONFIG": str(named)}, {}).config.stop_grace == 2
        assert read_config(named, {"STOKER_CONFIG": "/nowhere"}, {}).config.stop_grace == 2
        assert read_config(None, {"STOKER_CONFIG": ""}, {}).config.stop_grace == 1


class TestPaths:
    def test_may_begin_with_the_home_directory(self, home: Path, file: Path):
        written(file, 'data = "~/stoker"')

        config = read_config(file, {}, {}).config

        assert config.data == home / "stoker"
        assert config.socket == home / "stoker" / "stokerd.sock"

    def test_in_a_flag_or_a_variable_are_relative_to_the_working_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)

        config = read_config(
            None, {"STOKER_CONFIG": "/dev/null", "STOKER_SOCKET": "s"}, {"data": "here"}
        ).config

        assert (config.data, config.socket) == (tmp_path / "here", tmp_path / "s")

    def test_in_the_file_are_relative_to_the_file_wherever_the_daemon_is_started(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ):
        written(file, 'data = "data"\nsocket = "./s"\nspark_home = ""')

        monkeypatch.chdir("/")
        config = read_config(file, {}, {}).config

        assert (config.data, config.socket) == (file.parent / "data", file.parent / "s")
        assert config.spark_home is None

    def test_of_a_home_that_nobody_has_are_refused(self, file: Path):
        written(file, 'data = "~nobody-of-this-name/x"')

        with pytest.raises(ConfigError, match="data is '~nobody-of-this-name/x', and must be a path"):
            read_config(file, {}, {})


class TestTheSample:
    def test_says_of_every_setting_what_it_is_its_value_and_where_that_comes_from(self, file: Path):
        written(file, 'data = "/file"')

        printed = as_toml(read_config(file, {"STOKER_STOP_GRACE": "2"}, {"socket": "/flag"}))

        assert f'# from {file}\ndata = "/file"\n' in printed
        assert '# from --socket\nsocket = "/flag"\n' in printed
        assert "# from STOKER_STOP_GRACE\nstop_grace = 2.0\n" in printed
        assert '# default\n# spark_home = ""\n' in printed
        for setting in SETTINGS:
            assert f"# {setting.description}\n# {setting.variable}, {setting.flag}: " in printed

    def test_read_again_is_the_same_configuration(self, home: Path, file: Path):
        first = read_config(None, {"STOKER_DATA": '/x/"quoted" \\ ü'}, {"stop_grace": "2.5"})
        written(file, as_toml(first))

        assert read_config(file, {}, {}).config == first.config

    def test_with_its_comments_removed_has_only_known_settings_at_their_defaults(
        self, home: Path, file: Path
    ):
        default = read_config(None, {}, {})
        commented = [line.removeprefix("# ") for line in as_toml(default).splitlines()]
        lines = [line for line in commented if re.match(r"\w+ = |\[\w+\]$", line)]
        written(file, "\n".join(lines))

        assert read_config(file, {}, {}).config == default.config


TABLE = """
[access]
viewer = ["staff"]
admin = ["ops", "60"]

[access.workspaces."my space"]
editor = ["mkt"]

[access.workspaces.closed]

[access.queues]
root_queue = ["ops"]
"""


class TestTheTableOfAccess:
    def test_says_which_groups_have_which_role_in_workspaces_and_on_queues(self, file: Path):
        access = read_config(written(file, TABLE), {}, {}).config.access

        assert (access.viewer, access.operator, access.admin) == (("staff",), (), ("ops", "60"))
        assert access.workspaces == {"my space": Roles(editor=("mkt",)), "closed": Roles()}
        assert access.queues == {"root_queue": ("ops",)}

    def test_is_printed_so_that_it_is_read_back_as_it_was(self, file: Path):
        first = read_config(written(file, TABLE), {}, {})
        printed = as_toml(first)

        assert f"# from {file}\n[access]\n" in printed
        assert read_config(written(file, printed), {}, {}).config == first.config

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ('[access]\nviewr = ["a"]', "access.viewr: unknown field 'viewr'; did you mean 'viewer'?"),
            ('[acces]\nviewer = ["a"]', "unknown setting 'acces'; did you mean 'access'?"),
            ('[access]\nviewer = "a"', "access.viewer: expected `array`, got `str`"),
            ("[access]\nviewer = [60]", "access.viewer.0: expected `str`, got `int`"),
            ("access = true", "access: expected `object`, got `bool`"),
            (
                '[access.workspaces.a]\nadmin = ["b"]',
                "access.workspaces.NAME.admin: unknown field 'admin'; known are viewer, operator, editor",
            ),
            ('[access.queues]\na = "b"', "access.queues.NAME: expected `array`, got `str`"),
        ],
    )
    def test_is_refused_by_the_place_of_what_is_wrong(self, file: Path, text: str, told: str):
        with pytest.raises(ConfigError) as refused:
            read_config(written(file, text), {}, {})

        assert str(refused.value) == f"{file}: {told}"


class TestARefusal:
    def test_of_an_unknown_key_names_the_nearest_known_one(self, file: Path):
        written(file, "stop_graze = 1")

        with pytest.raises(
            ConfigError, match="unknown setting 'stop_graze'; did you mean 'stop_grace'"
        ) as refused:
            read_config(file, {}, {})
        assert str(file) in str(refused.value)

    @pytest.mark.parametrize("text", ['stop_grace = "soon"', "stop_grace = []", "data = 7", "data = true"])
    def test_of_a_wrong_type_names_the_key(self, file: Path, text: str):
        written(file, text)

        with pytest.raises(ConfigError, match=text.split(maxsplit=1)[0]):
            read_config(file, {}, {})

    def test_names_everything_that_is_wrong_and_the_place_of_each(self, file: Path):
        written(file, "colour = 1\nstop_grace = []")

        with pytest.raises(ConfigError) as refused:
            read_config(file, {"STOKER_SOCKET": "~nobody-of-this-name/s"}, {"spark_home": "~nor-of-this/x"})

        assert str(refused.value).splitlines() == [
            f"{file}: unknown setting 'colour'; known are {', '.join(Config.__struct_fields__)}",
            "STOKER_SOCKET: socket is '~nobody-of-this-name/s', and must be a path",
            "--spark-home: spark_home is '~nor-of-this/x', and must be a path",
            f"{file}: stop_grace is [], and must be a number from 0 to 86,400",
        ]

    def test_is_a_finding_and_ends_the_check(self, file: Path):
        written(file, "stop_grace = -1")

        found = list(findings(lambda: read_config(file, {}, {}), verify_log=True))

        assert found == [
            (False, "config", f"{file}: stop_grace is -1, and must be a number from 0 to 86,400")
        ]

    @pytest.mark.parametrize("grace", ["-1", "nan", "inf", "soon"])
    def test_of_a_grace_that_is_no_number_of_seconds(self, grace: str):
        with pytest.raises(ConfigError, match="stop_grace"):
            read_config(None, {"STOKER_CONFIG": "/dev/null", "STOKER_STOP_GRACE": grace}, {})

    @pytest.mark.parametrize(
        "address", ["ftp://h/", "http:///x", "http://[::1/x", "http://:80/", "http://h:99999/", "http://h:x/"]
    )
    def test_of_a_webhook_that_is_no_address_does_not_tell_it_as_it_may_be_a_secret(self, address: str):
        fault = "^STOKER_WEBHOOK_URL: webhook_url must be an http or https address$"
        with pytest.raises(ConfigError, match=fault):
            read_config(None, {"STOKER_CONFIG": "/dev/null", "STOKER_WEBHOOK_URL": address}, {})

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
