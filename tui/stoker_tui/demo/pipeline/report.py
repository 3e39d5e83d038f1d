"""Print the day's delays by airline and airport, the worst first.

Environment: LAKE is the directory of the tables, STOKER_DS the day (YYYY-MM-DD).
"""

import os

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

HEAD = f"{'airline':<28} {'origin':<6} {'flights':>7} {'mean delay':>12} {'cancelled':>9}"


def main() -> None:
    """Fail when the day has nothing to report."""
    day = os.environ["STOKER_DS"]
    delays = SparkSession.builder.getOrCreate().read.parquet(f"{os.environ['LAKE']}/delays")
    rows = (
        delays.where(F.col("day") == day)
        .orderBy(F.desc_nulls_last("mean_delay"), "airline", "origin")
        .collect()
    )
    if not rows:
        raise SystemExit(f"There are no delays for {day}.")

    flights, cancelled = sum(row.flights for row in rows), sum(row.cancelled for row in rows)
    print(f"Flights out of New York on {day}: {flights} scheduled, {cancelled} cancelled\n")
    print(HEAD)
    print("-" * len(HEAD))
    for row in rows:
        delay = "-" if row.mean_delay is None else f"{row.mean_delay:+.1f} min"
        print(f"{row.airline:<28} {row.origin:<6} {row.flights:>7} {delay:>12} {row.cancelled:>9}")


main()
