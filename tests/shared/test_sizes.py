import pytest

from stoker_shared.sizes import GIB, MIB, memory_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4g", 4 * GIB),
        ("4G", 4 * GIB),
        ("4gb", 4 * GIB),
        ("512m", 512 * MIB),
        ("2048k", 2 * MIB),
        ("1t", 1024 * GIB),
        ("1048576", MIB),
        ("1048576b", MIB),
        (" 1g ", GIB),
    ],
)
def test_a_size_is_read_as_spark_reads_it(text: str, size: int):
    assert memory_bytes(text) == size


def test_a_plain_number_is_in_the_unit_of_its_property():
    assert memory_bytes("512", plain=MIB) == 512 * MIB
    assert memory_bytes("1048576b", plain=MIB) == MIB


@pytest.mark.parametrize("text", ["", "g", "4 g", "1.5g", "-1g", "4x", "٤g", "9" * 40 + "g"])
def test_what_is_no_size_is_told_from_one(text: str):
    with pytest.raises(ValueError, match="not a size of memory; write it as 4g or 512m"):
        memory_bytes(text)


@pytest.mark.parametrize("text", ["0", "0g", "4096", "1023k"])
def test_what_no_memory_can_be_is_refused_with_the_unit_that_is_missing(text: str):
    with pytest.raises(ValueError, match="less than 1 MiB; write it with its unit"):
        memory_bytes(text)
