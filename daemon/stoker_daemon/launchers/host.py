"""What this machine has to run Spark with: finding it reads files and asks programs for their versions."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from stoker_daemon.launchers import properties
from stoker_daemon.launchers.task import CannotLaunch

_ANSWER_WITHIN = 20
"""Seconds a program has to tell its version; a JVM on a busy machine takes a while."""


class NoSpark(CannotLaunch):
    """There is no Spark to run the job with."""

    def __init__(self, found: str = "none was found") -> None:
        super().__init__(
            f"This job needs Spark: {found}. Install it with `pip install 'stoker[spark]'`, "
            "or set spark_home in the configuration to a Spark 3 or 4 that is there."
        )


class NoJava(CannotLaunch):
    """There is no Java, or none that this Spark runs on."""


class SparkHome(msgspec.Struct, frozen=True, kw_only=True):
    """A Spark installation. Its ``version`` has two numbers at the least.

    ``defaults`` is what its spark-defaults.conf says. ``metastore``: a hive-site.xml configures one.
    ``python`` is the interpreter that this Spark is installed in, where jobs should get it as PYSPARK_PYTHON.
    ``by`` tells people why it is this one.
    """

    path: Path
    version: str
    defaults: dict[str, str] = msgspec.field(default_factory=dict)
    metastore: bool = False
    python: str | None = None
    by: str = ""

    @property
    def major(self) -> int:
        """The first number of the version."""
        return self.release[0]

    @property
    def release(self) -> tuple[int, int]:
        """The first two numbers of the version."""
        major, minor, *_ = self.version.split(".")
        return int(major), int(minor)


class Java(msgspec.Struct, frozen=True):
    """A Java: its program and its major version (8 for "1.8")."""

    binary: Path
    version: int


def find_spark(configured: Path | None, env: Mapping[str, str]) -> SparkHome:
    """Find Spark: the configured one, else SPARK_HOME, else spark-submit on PATH, else the installed pyspark.

    ``env`` is the job's environment. Raises NoSpark, also for a home that is named but wrong.
    """
    found = _named(configured, env) or next((one for one in _candidates(env) if _is_spark(one[0])), None)
    if found is None:
        raise NoSpark
    home, by = found
    conf = conf_directory(home, env)
    return SparkHome(
        path=home,
        version=_spark_version(home),
        defaults=_defaults(conf),
        metastore=any((directory / "hive-site.xml").is_file() for directory in _hadoop_conf(conf, env)),
        python=_python_of(home, env),
        by=by,
    )


def find_java(spark: SparkHome, env: Mapping[str, str]) -> Java:
    """Find the Java that Spark's own scripts take: JAVA_HOME's, else the one on PATH.

    ``env`` is the job's environment, on which conf/spark-env.sh has its say. Raises NoJava, also for a
    version that this Spark does not run on.
    """
    env = _with_spark_env(spark.path, env)
    home = env.get("JAVA_HOME")
    binary = str(Path(home, "bin", "java")) if home else shutil.which("java", path=env.get("PATH", ""))
    version = _java_version(binary, env) if binary else None
    if binary and version and _suits(version, spark):
        return Java(Path(binary), version)
    needs, package = _JAVA_FOR_3 if spark.major < 4 else _JAVA_FOR_4
    found = f"Java {version} at {binary}" if version else f"no Java at {binary}" if home else "none"
    raise NoJava(
        f"Spark {spark.major} needs Java {needs}; found {found}. "
        f"Install it, e.g. `sudo apt install {package}`, or set JAVA_HOME."
    )


def conf_directory(home: Path, env: Mapping[str, str]) -> Path:
    """Where Spark at ``home`` has its configuration."""
    return Path(env.get("SPARK_CONF_DIR") or home / "conf")


_JAVA_FOR_3 = ("8, 11 or 17", "openjdk-17-jre-headless")
_JAVA_FOR_4 = ("17 or newer", "default-jre-headless")


def _suits(java: int, spark: SparkHome) -> bool:
    return 8 <= java <= 17 if spark.major < 4 else java >= 17


def _named(configured: Path | None, env: Mapping[str, str]) -> tuple[Path, str] | None:
    """The home that somebody named, and as what."""
    for by, named in (("spark_home", configured), ("SPARK_HOME", env.get("SPARK_HOME"))):
        if named:
            # A job has a working directory of its own, in which a relative path would mean something else.
            home = Path(named).expanduser().absolute()
            if _is_spark(home):
                return home, by
            raise NoSpark(f"{by} is {named}, which has no bin/spark-submit and jars")
    return None


def _candidates(env: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Where Spark may be when nobody named it, and what leads there."""
    if submit := shutil.which("spark-submit", path=env.get("PATH", "")):
        by = f"{submit} on PATH"
        prefix = Path(submit).resolve().parent.parent
        yield prefix, by
        # Hadoop distributions put a wrapper into PATH, pip a copy of the script.
        yield prefix / "lib" / "spark", by
        yield from ((home, by) for home in prefix.glob("lib/python*/site-packages/pyspark"))
    if installed := installed_pyspark():
        yield installed, "pyspark installed beside stokerd"


def _is_spark(home: Path) -> bool:
    return (home / "bin" / "spark-submit").is_file() and (home / "jars").is_dir()


def installed_pyspark() -> Path | None:
    """The package's directory, which is a Spark home; found without importing it, which takes a second."""
    spec = importlib.util.find_spec("pyspark")
    return Path(spec.origin).parent if spec and spec.origin else None


def _python_of(home: Path, env: Mapping[str, str]) -> str | None:
    installed = installed_pyspark()
    if "PYSPARK_PYTHON" in env or installed is None or not home.samefile(installed):
        return None
    return sys.executable


def _spark_version(home: Path) -> str:
    release = home / "RELEASE"
    places = [jar.name for jar in home.glob("jars/spark-core_*.jar")]
    places += [release.read_text()] if release.is_file() else []
    for place in places:
        if match := re.search(r"(?:spark-core_[\d.]+-|Spark )(\d+(?:\.\d+)+)", place):
            return match[1]
    raise NoSpark(f"{home} has neither a jars/spark-core_*.jar nor a RELEASE file that tells its version")


def _defaults(conf: Path) -> dict[str, str]:
    file = conf / "spark-defaults.conf"
    return properties.load(file.read_text("utf-8", errors="replace")) if file.is_file() else {}


def _hadoop_conf(conf: Path, env: Mapping[str, str]) -> list[Path]:
    """The directories that spark-submit puts on the class path for their configuration."""
    return [conf, *(Path(env[name]) for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR") if env.get(name))]


def _with_spark_env(home: Path, env: Mapping[str, str]) -> Mapping[str, str]:
    """Give the environment as conf/spark-env.sh leaves it, which on many hosts is where JAVA_HOME is set."""
    script = conf_directory(home, env) / "spark-env.sh"
    if not script.is_file():
        return env
    lines = _output(
        ["/bin/bash", "-c", 'set -a; . "$0" >/dev/null 2>&1; env -0', str(script)],
        {**env, "SPARK_HOME": str(home)},
    ).split("\0")
    return dict(line.split("=", 1) for line in lines if "=" in line) or env


def _java_version(binary: str, env: Mapping[str, str]) -> int | None:
    match = re.search(r'version "(?:1\.)?(\d+)', _output([binary, "-version"], env))
    return int(match[1]) if match else None


def _output(argv: list[str], env: Mapping[str, str]) -> str:
    """What a program says on stdout and stderr; nothing, where there is no such program or it hangs."""
    try:
        ended = subprocess.run(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_ANSWER_WITHIN,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return os.fsdecode(ended.stdout)
