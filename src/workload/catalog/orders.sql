-- Orders that are worth something, each exactly once, from topic orders to topic accepted-orders.
SET 'execution.checkpointing.interval' = '1s';
SET 'execution.checkpointing.externalized-checkpoint-retention' = 'RETAIN_ON_CANCELLATION';

CREATE TABLE orders (
  id BIGINT,
  customer BIGINT,
  amount BIGINT,
  ts BIGINT,
  `time` AS TO_TIMESTAMP_LTZ(ts, 3),
  WATERMARK FOR `time` AS `time` - INTERVAL '0.2' SECOND
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '{broker}',
  'properties.group.id' = '{group}',
  'topic' = '{input}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json'
);

CREATE TABLE accepted_orders (
  id BIGINT,
  customer BIGINT,
  amount BIGINT
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '{broker}',
  -- Longer than any outage that the playground makes; the broker allows 15 minutes.
  'properties.transaction.timeout.ms' = '600000',
  'topic' = '{output}',
  'format' = 'json',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'orders'
);

INSERT INTO accepted_orders
SELECT id, customer, amount FROM orders WHERE amount > 0;
