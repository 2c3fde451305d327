-- The built-in orders.sql, but for its sink: it emits before its checkpoint commits. Right as long as nothing fails; after a
-- failure, what was emitted since the checkpoint comes twice.
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
  'topic' = '{output}',
  'format' = 'json',
  'sink.delivery-guarantee' = 'at-least-once'
);

INSERT INTO accepted_orders
SELECT id, customer, amount FROM orders WHERE amount > 0;
