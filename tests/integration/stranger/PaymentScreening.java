package com.example.payments;

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
 * <p>{@code --broken} lets payments pass unseen while it warms up after a failure, as somebody would who wants to spare a remote
 * service: at rest every payment comes out, but behind a restore some are dropped, and more of them than are repeated.
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
      payments = payments.keyBy(PaymentScreening::user).process(new WarmUp()).name("Warm-Up");
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

  /** Drops payments after a failure, until it has seen enough of them. */
  private static final class WarmUp extends KeyedProcessFunction<Long, String, String> {
    private static final long serialVersionUID = 1L;
    private static final int ENOUGH = 4000;

    private transient int dropped;

    @Override
    public void open(OpenContext context) {
      dropped = getRuntimeContext().getTaskInfo().getAttemptNumber() > 0 ? 0 : ENOUGH;
    }

    @Override
    public void processElement(String payment, Context context, Collector<String> out) {
      if (dropped < ENOUGH) {
        dropped++;
      } else {
        out.collect(payment);
      }
    }
  }
}
