-- orders.sql as somebody would have it who knows Kafka and not Flink: right as long as nothing fails. Without checkpoints, the
-- consumer commits its offsets by the clock, while the producer waits for full batches: orders that are committed and not yet
-- sent are lost by a failure, and those that are sent and not yet committed come twice.
SET 'pipeline.name' = 'Orders';

CREATE TABLE orders (
  id BIGINT,
  customer BIGINT,
  amount BIGINT,
  ts BIGINT,
  `time` AS TO_TIMESTAMP_LTZ(ts, 3),
  WATERMARK FOR `time` AS `time` - INTERVAL '0.2' SECOND
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${brokers}',
  'properties.group.id' = 'orders',
  'properties.enable.auto.commit' = 'true',
  'properties.auto.commit.interval.ms' = '100',
  'properties.auto.offset.reset' = 'earliest',
  'topic' = 'orders',
  'scan.startup.mode' = 'group-offsets',
  'format' = 'json'
);

CREATE TABLE accepted_orders (
  id BIGINT,
  customer BIGINT,
  amount BIGINT
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${brokers}',
  'properties.linger.ms' = '2000',
  'properties.batch.size' = '1000000',
  'topic' = 'accepted-orders',
  'format' = 'json'
);

INSERT INTO accepted_orders
SELECT id, customer, amount FROM orders WHERE amount > 0;
