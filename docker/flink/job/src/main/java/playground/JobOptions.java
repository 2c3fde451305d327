package playground;

import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.util.ParameterTool;

/**
 * What the job is asked to do. A flag may stand alone, or be followed by {@code true} or {@code false}.
 *
 * @param bootstrapServers {@code --bootstrap.servers}, Kafka's address
 * @param inputTopic {@code --input-topic}, where the clicks are
 * @param outputTopic {@code --output-topic}, where the counts go
 * @param group {@code --group}, the consumer group under which progress can be seen from outside
 * @param checkpointing {@code --checkpointing}: without it, a failure loses clicks
 * @param checkpointInterval {@code --checkpoint-interval}, in milliseconds; without checkpointing it means nothing
 * @param eventTime {@code --event-time}: without it, a click counts where it arrives, not where it happened
 * @param backpressure {@code --backpressure}: adds {@link Throttle}
 * @param failOnStart {@code --fail-on-start}: adds {@link FailOnStart}
 * @param stateKeys {@code --state-keys}, how many keys of {@link Ballast} each page gets; 0 leaves it out
 * @param delivery {@code --delivery at-least-once} or {@code exactly-once}
 */
record JobOptions(
    String bootstrapServers,
    String inputTopic,
    String outputTopic,
    String group,
    boolean checkpointing,
    Duration checkpointInterval,
    boolean eventTime,
    boolean backpressure,
    boolean failOnStart,
    long stateKeys,
    DeliveryGuarantee delivery) {

  /** What {@link ParameterTool} returns for a flag that stands alone; its own constant is not public. */
  private static final String NO_VALUE = "__NO_VALUE_KEY";

  static JobOptions parse(String... args) {
    ParameterTool given = ParameterTool.fromArgs(args);
    JobOptions options =
        new JobOptions(
            given.get("bootstrap.servers", "kafka:9092"),
            given.get("input-topic", "input"),
            given.get("output-topic", "output"),
            given.get("group", "click-event-count"),
            flag(given, "checkpointing"),
            Duration.ofMillis(number(given, "checkpoint-interval", 1000, 1)),
            flag(given, "event-time"),
            flag(given, "backpressure"),
            flag(given, "fail-on-start"),
            number(given, "state-keys", 0, 0),
            delivery(given.get("delivery", DeliveryGuarantee.AT_LEAST_ONCE.toString())));
    Set<String> unknown = given.getUnrequestedParameters();
    require(unknown.isEmpty(), "unknown options: " + unknown);
    require(
        options.checkpointing || options.delivery != DeliveryGuarantee.EXACTLY_ONCE,
        "--delivery exactly-once needs --checkpointing: output is committed with each checkpoint");
    return options;
  }

  /** Everything by its name, for whoever looks at the running job. */
  ParameterTool asParameters() {
    return ParameterTool.fromMap(
        Map.ofEntries(
            Map.entry("bootstrap.servers", bootstrapServers),
            Map.entry("input-topic", inputTopic),
            Map.entry("output-topic", outputTopic),
            Map.entry("group", group),
            Map.entry("checkpointing", String.valueOf(checkpointing)),
            Map.entry("checkpoint-interval", String.valueOf(checkpointInterval.toMillis())),
            Map.entry("event-time", String.valueOf(eventTime)),
            Map.entry("backpressure", String.valueOf(backpressure)),
            Map.entry("fail-on-start", String.valueOf(failOnStart)),
            Map.entry("state-keys", String.valueOf(stateKeys)),
            Map.entry("delivery", delivery.toString())));
  }

  private static boolean flag(ParameterTool given, String name) {
    if (!given.has(name)) {
      return false;
    }
    String value = given.get(name);
    boolean off = "false".equals(value);
    require(off || "true".equals(value) || NO_VALUE.equals(value), "--" + name + " " + value);
    return !off;
  }

  private static long number(ParameterTool given, String name, long otherwise, long least) {
    String value = given.get(name, String.valueOf(otherwise));
    boolean fits = value.matches("\\d{1,18}") && Long.parseLong(value) >= least;
    require(fits, "--" + name + " takes a whole number, " + least + " or more");
    return Long.parseLong(value);
  }

  private static DeliveryGuarantee delivery(String name) {
    return Arrays.stream(DeliveryGuarantee.values())
        .filter(guarantee -> guarantee != DeliveryGuarantee.NONE && guarantee.toString().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("--delivery " + name + ": at-least-once or exactly-once"));
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }
}
