-- Broken on purpose: the watermark leaves half a second for records that come up to two seconds late, and the job drops the others.
SET 'execution.checkpointing.interval' = '1s';
SET 'execution.checkpointing.externalized-checkpoint-retention' = 'RETAIN_ON_CANCELLATION';

CREATE TABLE sales (
  shop STRING,
  item BIGINT,
  pieces BIGINT,
  price DOUBLE,
  sold_at BIGINT,
  sold AS TO_TIMESTAMP_LTZ(sold_at, 3),
  WATERMARK FOR sold AS sold - INTERVAL '0.5' SECOND
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '{broker}',
  'properties.group.id' = '{group}',
  'topic' = '{input}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json'
);

CREATE TABLE sold (
  shop STRING,
  item BIGINT,
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  sales BIGINT,
  pieces BIGINT,
  lowest DOUBLE,
  highest DOUBLE
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '{broker}',
  'topic' = '{output}',
  'format' = 'json',
  'sink.delivery-guarantee' = 'at-least-once'
);

INSERT INTO sold
SELECT shop, item, window_start, window_end, COUNT(*), SUM(pieces), MIN(price), MAX(price)
FROM TABLE(HOP(TABLE sales, DESCRIPTOR(sold), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
GROUP BY shop, item, window_start, window_end;
