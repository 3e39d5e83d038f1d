"""Read one day's flights, and the airlines, from their CSV files into Parquet.

Arguments: the directory with the CSV files, the directory of the tables, the day (YYYY-MM-DD). Running it
again for the same day replaces that day and nothing else.
"""

import csv
import io
import sys
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

FLIGHTS = (
    "day STRING, carrier STRING, flight INT, origin STRING, dest STRING, dep_delay INT, cancelled BOOLEAN"
)


def flights_of(day: date, source: Path) -> Iterator[tuple[str, str, int, str, str, int | None, bool]]:
    """Give the flights that were to leave on ``day``; one that never left is a cancelled one."""
    wanted = (str(day.year), str(day.month), str(day.day))
    with zipfile.ZipFile(source / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        for row in csv.DictReader(io.TextIOWrapper(file, "utf-8")):
            if (row["year"], row["month"], row["day"]) == wanted:
                left = row["dep_delay"] not in ("", "NA")
                delay = int(float(row["dep_delay"])) if left else None
                where = row["origin"], row["dest"]
                yield day.isoformat(), row["carrier"], int(row["flight"]), *where, delay, not left


def main() -> None:
    """Fail, with the day's name, when there are no flights: an empty day is a mistake further up."""
    source, lake, day = Path(sys.argv[1]), Path(sys.argv[2]), date.fromisoformat(sys.argv[3])
    flights = list(flights_of(day, source))
    if not flights:
        sys.exit(f"There are no flights on {day} in {source}/flights.csv.zip, which covers 2013.")

    spark = SparkSession.builder.getOrCreate()
    airlines = spark.read.csv(str(source / "airlines.csv"), header=True).selectExpr(f"'{day}' AS day", "*")
    write(spark.createDataFrame(flights, FLIGHTS), lake / "flights")
    write(airlines, lake / "airlines")
    print(f"{day}: {len(flights)} flights of {airlines.count()} airlines")


def write(frame: DataFrame, table: Path) -> None:
    """Replace the days that ``frame`` has in ``table``, and only those."""
    days = frame.coalesce(1).write.partitionBy("day").option("partitionOverwriteMode", "dynamic")
    days.mode("overwrite").parquet(str(table))


main()
