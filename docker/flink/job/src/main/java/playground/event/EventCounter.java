package playground.event;

import java.util.Set;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.ParameterTool;

/**
 * Counts events and adds up their values, by id, for as long as the job lives: reads lines such as
 * {@code event-1 1.0 1604280262000} from a socket, and prints each new total, as in {@code event-1 count=3 sum=6.0}.
 *
 * <p>Options: {@code --host}, and {@code --port} (9000), where the lines come from; {@code --checkpoint-interval} in
 * milliseconds (10000); {@code --forgetful}, for {@link ForgetfulTotals}.
 */
public final class EventCounter {
  private EventCounter() {}

  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    build(env, args);
    env.execute("Event Counter");
  }

  static void build(StreamExecutionEnvironment env, String... args) {
    ParameterTool options = ParameterTool.fromArgs(args);
    String host = options.getRequired("host");
    int port = options.getInt("port", 9000);
    boolean forgetful = options.has("forgetful") && !"false".equals(options.get("forgetful"));
    MapFunction<Event, String> totals = forgetful ? new ForgetfulTotals() : new Totals();
    env.enableCheckpointing(options.getLong("checkpoint-interval", 10_000));
    env.getCheckpointConfig().setExternalizedCheckpointRetention(ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
    Set<String> unknown = options.getUnrequestedParameters();
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException("unknown options: " + unknown);
    }
    // The web UI shows them.
    env.getConfig().setGlobalJobParameters(options);

    SocketLines.addTo(env, host, port)
        .uid("lines")
        .flatMap(new ParseEvents())
        .name("Events")
        .uid("events")
        // As parallel as the socket, so that it is chained to it.
        .setParallelism(1)
        .keyBy(Event::id)
        .map(totals)
        .name("Totals")
        .uid("totals")
        .print()
        // From several subtasks each line would begin with the number of one.
        .setParallelism(1)
        .name("Print")
        .uid("print");
  }
}
