-- Sum up the delays of ${ds} by airline and airport; other days stay as they are.

CREATE TABLE delays (
    airline    STRING,
    origin     STRING,
    flights    BIGINT,
    mean_delay DOUBLE,
    cancelled  BIGINT
) USING parquet LOCATION '${data}/delays/day=${ds}';

INSERT OVERWRITE delays
SELECT
    coalesce(airlines.name, carrier),
    flights.origin,
    count(*),
    avg(flights.dep_delay),
    count_if(flights.cancelled)
FROM parquet.`${data}/flights` AS flights
LEFT JOIN parquet.`${data}/airlines` AS airlines USING (day, carrier)
WHERE day = DATE '${ds}'
GROUP BY ALL;

SELECT concat('${ds}: ', count(*), ' pairs of airline and airport') FROM delays;
