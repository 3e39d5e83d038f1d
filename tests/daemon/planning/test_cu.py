from typing import Any

import pytest

from stoker_daemon.planning.cu import BadProperty, cu_of, host_cu
from stoker_shared.model import JobConfig, JobType, QueueSpec
from stoker_shared.sizes import GIB

LOCAL = QueueSpec()
YARN = QueueSpec(master="yarn")
STANDALONE = QueueSpec(master="spark://host:7077")


def cu(queue: QueueSpec, kind: JobType = JobType.PYSPARK, **config: Any) -> int:
    return cu_of(kind, JobConfig(**config), queue)


def test_a_shell_job_takes_1_whatever_is_set():
    assert cu(YARN, JobType.SHELL, driver_cores=8, executor_memory="nonsense") == 1


class TestOnALocalMaster:
    @pytest.mark.parametrize(
        ("config", "taken"),
        [
            ({}, 1),
            ({"driver_cores": 3}, 3),
            ({"driver_memory": "4g"}, 1),
            ({"driver_memory": "4097m"}, 2),
            ({"driver_cores": 2, "driver_memory": "16g"}, 4),
            ({"executor_cores": 8, "executor_memory": "64g", "executor_instances": 9}, 1),
            ({"conf": {"spark.driver.memory": "8g"}, "driver_memory": "1g"}, 2),
        ],
    )
    def test_only_the_driver_counts(self, config: dict[str, Any], taken: int):
        assert cu(LOCAL, **config) == taken

    def test_a_master_of_so_many_cores_takes_these(self):
        assert cu(QueueSpec(master="local[6]"), driver_cores=1) == 6
        assert cu(QueueSpec(master="local")) == 1
        assert cu(LOCAL, conf={"spark.master": "local[3]"}) == 3


class TestOnACluster:
    @pytest.mark.parametrize(
        ("config", "taken"),
        [
            ({}, 3),
            ({"executor_instances": 4}, 5),
            ({"executor_instances": 4, "executor_cores": 2, "driver_cores": 2}, 10),
            ({"executor_instances": 2, "executor_memory": "8g"}, 5),
            ({"conf": {"spark.executor.instances": "7"}, "executor_instances": 1}, 8),
            ({"dynamic_allocation": True, "max_executors": 6}, 7),
            ({"dynamic_allocation": True, "min_executors": 4}, 5),
            ({"dynamic_allocation": False, "max_executors": 6}, 3),
        ],
    )
    def test_driver_and_executors_count_together(self, config: dict[str, Any], taken: int):
        assert cu(STANDALONE, **config) == taken

    def test_in_containers_their_overhead_counts(self):
        config = {"executor_instances": 4, "executor_memory": "4g"}
        # 1g for the driver, and 4 times 4g, in containers 4.4g.
        assert cu(STANDALONE, **config) == 5
        assert cu(YARN, **config, driver_memory="2g") == 5
        assert cu(YARN, **config, driver_memory="3g") == 6
        assert cu(YARN, **config, memory_overhead="4g") == 10
        assert cu(QueueSpec(master="yarn", deploy_mode="cluster"), **config, driver_memory="2g") == 5

    def test_the_properties_of_the_queue_count_under_the_jobs_own(self):
        queue = QueueSpec(master="yarn", conf={"spark.executor.instances": "9"})
        assert cu(queue) == 10
        assert cu(queue, executor_instances=1) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("spark.driver.memory", "4 gigs"), ("spark.driver.memory", "4096"), ("spark.driver.cores", "two")],
)
def test_what_can_not_be_counted_is_told_by_its_property(name: str, value: str):
    with pytest.raises(BadProperty) as caught:
        cu(YARN, conf={name: value})
    assert caught.value.name == name
    assert value in str(caught.value)


def test_of_a_property_with_a_variable_the_default_counts():
    assert cu(LOCAL, conf={"spark.driver.memory": "${memory}"}) == 1
    assert cu(LOCAL, conf={"spark.driver.cores": "${cores}"}, driver_cores=2) == 2


@pytest.mark.parametrize(("cores", "gib", "limit"), [(8, 64, 8), (16, 32, 8), (2, 3, 1), (1, 1, 1)])
def test_a_host_has_as_many_as_it_has_of_both(cores: int, gib: int, limit: int):
    assert host_cu(cores, gib * GIB) == limit
