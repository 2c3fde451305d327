package playground;

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
 * @param eventTime {@code --event-time}: without it, a click counts where it arrives, not where it happened
 * @param backpressure {@code --backpressure}: adds {@link Throttle}
 * @param delivery {@code --delivery at-least-once} or {@code exactly-once}
 */
record JobOptions(
    String bootstrapServers,
    String inputTopic,
    String outputTopic,
    String group,
    boolean checkpointing,
    boolean eventTime,
    boolean backpressure,
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
            flag(given, "event-time"),
            flag(given, "backpressure"),
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
        Map.of(
            "bootstrap.servers", bootstrapServers,
            "input-topic", inputTopic,
            "output-topic", outputTopic,
            "group", group,
            "checkpointing", String.valueOf(checkpointing),
            "event-time", String.valueOf(eventTime),
            "backpressure", String.valueOf(backpressure),
            "delivery", delivery.toString()));
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
