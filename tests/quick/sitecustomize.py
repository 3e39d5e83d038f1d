"""Read by every Python that the tests start; changes those that Spark starts.

They import pyspark as it was installed, with its bytecode: Spark's archives of sources come first, and each
of them would compile those anew. And they do without pandas and numpy, which pyspark imports where it finds
them, needed or not; where jobs run there usually are none.
"""

import sys

ARCHIVES = "/pyspark/python/lib/"

for path in [path for path in sys.path if ARCHIVES in path]:
    if path.partition(ARCHIVES)[0] in sys.path:
        sys.path.remove(path)
        sys.modules["numpy"] = sys.modules["pandas"] = None  # pyright: ignore[reportArgumentType]
