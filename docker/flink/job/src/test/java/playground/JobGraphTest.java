package playground;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobgraph.JobVertex;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What Flink makes of the job's two versions and their options. */
class JobGraphTest {
  private static final UnaryOperator<DataStream<ClickEvent>> V1 = UnaryOperator.identity();
  private static final UnaryOperator<DataStream<ClickEvent>> V2 = PageTotals::addTo;

  private static final String SOURCE = "Source: ClickEvent Source";
  private static final String COUNTER =
      "ClickEvent Counter -> ClickEventStatistics Sink: Writer -> ClickEventStatistics Sink: Committer";

  /** The operators of the plain job. Savepoints that exist find their state by these: they may never change. */
  private static final Set<String> OPERATORS =
      Set.of(
          "7281068c32569ce4bb5f174b9a8f274e",
          "df592d541ea0f51ead2913082bc430e2",
          "5728c58b91734d99f6f24016c37d4240",
          "8b24e0654f4326ed7a7e94ebf44eb582");

  @Test
  void thePlainJobIsWhatItAlwaysWas() {
    JobGraph job = graph(V1, 2, "--checkpointing", "--event-time");
    assertThat(names(job)).containsExactly(SOURCE, COUNTER);
    assertThat(operators(job)).isEqualTo(OPERATORS);
  }

  @Test
  void eachOptionAddsItsOperatorBetweenSourceAndCounter() {
    assertThat(names(graph(V1, 2, "--backpressure"))).containsExactly(SOURCE, "Backpressure", COUNTER);
    assertThat(names(graph(V1, 2, "--state-keys", "8"))).containsExactly(SOURCE, "Ballast", COUNTER);
    assertThat(names(graph(V2, 2))).containsExactly(SOURCE, "Page Totals", COUNTER);
    assertThat(names(graph(V2, 2, "--backpressure", "--fail-on-start", "--state-keys", "8")))
        .containsExactly(SOURCE + " -> Fail on start", "Ballast", "Page Totals", "Backpressure", COUNTER);
  }

  @Test
  void whateverIsAddedHasAUidAndChangesNoOtherOperator() {
    JobGraph job = graph(V2, 2, "--backpressure", "--fail-on-start", "--state-keys", "8");
    assertThat(operators(job)).containsAll(OPERATORS).hasSize(OPERATORS.size() + 4);
    assertThat(uids(V2, "--backpressure", "--fail-on-start", "--state-keys", "8"))
        .contains("fail-on-start", "ballast", "page-totals", "backpressure");
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "6, 6", "8, 6"})
  void noSourceSubtaskIsWithoutAPartition(int parallelism, int expected) {
    for (JobGraph job : List.of(graph(V1, parallelism), graph(V1, parallelism, "--fail-on-start"))) {
      JobVertex source = job.getVerticesSortedTopologicallyFromSources().get(0);
      assertThat(source.getParallelism()).isEqualTo(expected);
      assertThat(source.getMaxParallelism()).isEqualTo(ClickEventCount.INPUT_PARTITIONS);
      assertThat(job.getNumberOfVertices()).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @CsvSource({"--checkpoint-interval 250, -1", "--checkpointing, 1000", "--checkpointing --checkpoint-interval 250, 250"})
  void checkpointsComeAsOftenAsTheyAreAskedFor(String args, long interval) {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    ClickEventCount.build(env, JobOptions.parse(args.split(" ")), V1);
    assertThat(env.getCheckpointConfig().getCheckpointInterval()).isEqualTo(interval);
  }

  private static StreamExecutionEnvironment built(UnaryOperator<DataStream<ClickEvent>> version, int parallelism, String... args) {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.setParallelism(parallelism);
    ClickEventCount.build(env, JobOptions.parse(args), version);
    return env;
  }

  private static JobGraph graph(UnaryOperator<DataStream<ClickEvent>> version, int parallelism, String... args) {
    return built(version, parallelism, args).getStreamGraph().getJobGraph();
  }

  private static Set<String> uids(UnaryOperator<DataStream<ClickEvent>> version, String... args) {
    return built(version, 2, args).getStreamGraph().getStreamNodes().stream()
        .map(node -> String.valueOf(node.getTransformationUID()))
        .collect(Collectors.toSet());
  }

  private static List<String> names(JobGraph job) {
    return job.getVerticesSortedTopologicallyFromSources().stream().map(JobVertex::getName).toList();
  }

  private static Set<String> operators(JobGraph job) {
    return job.getVerticesSortedTopologicallyFromSources().stream()
        .flatMap(vertex -> vertex.getOperatorIDs().stream())
        .map(ids -> ids.getGeneratedOperatorID().toString())
        .collect(Collectors.toSet());
  }
}
