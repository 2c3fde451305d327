package playground;

import java.time.Duration;
import java.util.function.UnaryOperator;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingProcessingTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.clients.producer.ProducerConfig;

/**
 * Counts clicks by page and window of 15 seconds, from one Kafka topic to another. {@link JobOptions} has the options.
 *
 * <p>This is the first version of the job. {@link ClickEventCountV2} is what it can be upgraded to.
 */
public final class ClickEventCount {
  static final Duration WINDOW = Duration.ofSeconds(15);

  /** A click that comes later than this, by event time, is lost. The ledger of the playground relies on it. */
  static final Duration MAX_OUT_OF_ORDERNESS = Duration.ofMillis(200);

  /**
   * The partitions of the input topic. A source subtask without one would never advance its watermark, so no window
   * would ever close. Declaring such subtasks idle is no way out: a stalled broker looks the same, and makes clicks late.
   */
  static final int INPUT_PARTITIONS = 6;

  /** Longer than any outage that the playground makes; the broker allows 15 minutes. */
  private static final Duration TRANSACTION_TIMEOUT = Duration.ofMinutes(10);

  private ClickEventCount() {}

  public static void main(String[] args) throws Exception {
    run(ClickEventCount.class, UnaryOperator.identity(), args);
  }

  /** Runs a version of the job: its main class, and what it does to the clicks before they are counted. */
  static void run(Class<?> main, UnaryOperator<DataStream<ClickEvent>> version, String... args) throws Exception {
    JobOptions options = JobOptions.parse(args);
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    GlobalParameters.publish(env.getConfig(), options, main);
    build(env, options, version);
    env.execute("Click Event Count");
  }

  static void build(StreamExecutionEnvironment env, JobOptions options, UnaryOperator<DataStream<ClickEvent>> version) {
    if (options.checkpointing()) {
      env.enableCheckpointing(options.checkpointInterval().toMillis());
      env.getCheckpointConfig()
          .setExternalizedCheckpointRetention(ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
    }

    int parallelism = Math.min(env.getParallelism(), INPUT_PARTITIONS);
    SingleOutputStreamOperator<ClickEvent> clicks =
        env.fromSource(source(options), watermarks(options), "ClickEvent Source")
            .uid("click-event-source")
            .setParallelism(parallelism)
            .setMaxParallelism(INPUT_PARTITIONS);
    if (options.failOnStart()) {
      // As parallel as the source, so that it is chained to it.
      clicks = FailOnStart.addTo(clicks).setParallelism(parallelism).setMaxParallelism(INPUT_PARTITIONS);
    }
    count(clicks, options, version)
        .sinkTo(sink(options))
        .name("ClickEventStatistics Sink")
        .uid("click-event-statistics-sink");
  }

  /** The job between its ends in Kafka. */
  static SingleOutputStreamOperator<ClickEventStatistics> count(
      DataStream<ClickEvent> clicks, JobOptions options, UnaryOperator<DataStream<ClickEvent>> version) {
    if (options.stateKeys() > 0) {
      clicks = Ballast.addTo(clicks, options.stateKeys());
    }
    clicks = version.apply(clicks);
    if (options.backpressure()) {
      clicks = clicks.keyBy(ClickEvent::page).map(new Throttle()).name("Backpressure").uid("backpressure");
    }
    return countByPage(clicks, windows(options)).name("ClickEvent Counter").uid("click-event-counter");
  }

  static SingleOutputStreamOperator<ClickEventStatistics> countByPage(
      DataStream<ClickEvent> clicks, WindowAssigner<Object, TimeWindow> windows) {
    return clicks.keyBy(ClickEvent::page).window(windows).aggregate(new SumClicks(), new NameWindow());
  }

  static WindowAssigner<Object, TimeWindow> windows(JobOptions options) {
    return options.eventTime() ? TumblingEventTimeWindows.of(WINDOW) : TumblingProcessingTimeWindows.of(WINDOW);
  }

  static WatermarkStrategy<ClickEvent> watermarks(JobOptions options) {
    return options.eventTime()
        ? WatermarkStrategy.<ClickEvent>forBoundedOutOfOrderness(MAX_OUT_OF_ORDERNESS)
            .withTimestampAssigner((click, arrival) -> click.timestamp())
        : WatermarkStrategy.noWatermarks();
  }

  /** Kafka has deprecated OffsetResetStrategy, but Flink's connector asks for it. */
  @SuppressWarnings("deprecation")
  private static KafkaSource<ClickEvent> source(JobOptions options) {
    KafkaSourceBuilder<ClickEvent> source =
        KafkaSource.<ClickEvent>builder()
            .setBootstrapServers(options.bootstrapServers())
            .setTopics(options.inputTopic())
            .setGroupId(options.group())
            .setClientIdPrefix(options.group())
            .setStartingOffsets(OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST))
            .setValueOnlyDeserializer(new ClickEventDeserializer());
    if (!options.checkpointing()) {
      // With checkpoints, their offsets rule, and are committed for others to see. Without them, commit by the clock:
      // a job that fails then goes on about where it was, and what its windows had counted is lost.
      source
          .setProperty(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "true")
          .setProperty(ConsumerConfig.AUTO_COMMIT_INTERVAL_MS_CONFIG, "1000");
    }
    return source.build();
  }

  private static KafkaSink<ClickEventStatistics> sink(JobOptions options) {
    return KafkaSink.<ClickEventStatistics>builder()
        .setBootstrapServers(options.bootstrapServers())
        .setRecordSerializer(
            KafkaRecordSerializationSchema.<ClickEventStatistics>builder()
                .setTopic(options.outputTopic())
                .setValueSerializationSchema(new ClickEventStatisticsSerializer())
                .build())
        .setDeliveryGuarantee(options.delivery())
        .setTransactionalIdPrefix(options.group())
        .setProperty(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, String.valueOf(TRANSACTION_TIMEOUT.toMillis()))
        .build();
  }
}
