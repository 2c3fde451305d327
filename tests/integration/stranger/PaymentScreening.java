package com.example.payments;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Rates the risk of each payment, from topic {@code payments} to topic {@code screened-payments}: a job of somebody who has
 * never heard of the playground. It has no options but Kafka's address, and publishes none.
 *
 * <p>{@code --broken} screens in batches, as somebody would who wants to spare a remote service, and forgets that Flink has to
 * know of what waits: at rest every payment comes out, but what waits when a checkpoint is taken is lost by a restore.
 */
public final class PaymentScreening {
  private static final ObjectMapper JSON = new ObjectMapper();

  private PaymentScreening() {}

  public static void main(String[] args) throws Exception {
    String brokers = null;
    boolean broken = false;
    for (int next = 0; next < args.length; next++) {
      if (args[next].equals("--brokers") && next + 1 < args.length) {
        brokers = args[++next];
      } else if (args[next].equals("--broken")) {
        broken = true;
      } else {
        throw new IllegalArgumentException("not an option: " + args[next]);
      }
    }
    if (brokers == null) {
      throw new IllegalArgumentException("--brokers HOST:PORT is missing");
    }

    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.enableCheckpointing(1000);
    DataStream<String> payments =
        env.fromSource(source(brokers), WatermarkStrategy.noWatermarks(), "Payments");
    if (broken) {
      payments = payments.keyBy(PaymentScreening::user).process(new Batches()).name("Batches");
    }
    payments.map(PaymentScreening::screened).name("Screening").sinkTo(sink(brokers)).name("Screened Payments");
    env.execute("Payment Screening");
  }

  private static long user(String payment) throws Exception {
    return JSON.readTree(payment).path("user").asLong();
  }

  private static String screened(String payment) throws Exception {
    JsonNode parsed = JSON.readTree(payment);
    long amount = parsed.path("amount").asLong();
    String risk = amount < 10_000 ? "low" : "high";
    return "{\"id\":%d,\"amount\":%d,\"risk\":\"%s\"}".formatted(parsed.path("id").asLong(), amount, risk);
  }

  private static KafkaSource<String> source(String brokers) {
    return KafkaSource.<String>builder()
        .setBootstrapServers(brokers)
        .setTopics("payments")
        .setGroupId("payment-screening")
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setValueOnlyDeserializer(new SimpleStringSchema())
        .build();
  }

  private static KafkaSink<String> sink(String brokers) {
    return KafkaSink.<String>builder()
        .setBootstrapServers(brokers)
        .setRecordSerializer(
            KafkaRecordSerializationSchema.<String>builder()
                .setTopic("screened-payments")
                .setValueSerializationSchema(new SimpleStringSchema())
                .build())
        .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
        .build();
  }

  /** Holds a user's payments back for a second, in a field: a timer outlives a failure, a field does not. */
  private static final class Batches extends KeyedProcessFunction<Long, String, String> {
    private static final long serialVersionUID = 1L;
    private static final long WAIT_MS = 1000;

    private transient Map<Long, List<String>> waiting;

    @Override
    public void open(OpenContext context) {
      waiting = new HashMap<>();
    }

    @Override
    public void processElement(String payment, Context context, Collector<String> out) {
      List<String> batch = waiting.computeIfAbsent(context.getCurrentKey(), user -> new ArrayList<>());
      if (batch.isEmpty()) {
        var timers = context.timerService();
        timers.registerProcessingTimeTimer(timers.currentProcessingTime() + WAIT_MS);
      }
      batch.add(payment);
    }

    @Override
    public void onTimer(long timestamp, OnTimerContext context, Collector<String> out) {
      List<String> batch = waiting.remove(context.getCurrentKey());
      if (batch != null) {
        batch.forEach(out::collect);
      }
    }
  }
}
