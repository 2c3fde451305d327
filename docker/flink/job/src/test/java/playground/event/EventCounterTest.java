package playground.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobgraph.JobVertex;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EventCounterTest {
  @ParameterizedTest
  @ValueSource(strings = {"--host events", "--host events --forgetful"})
  void onlyTheTotalsAreParallelAndEveryOperatorHasAUid(String args) {
    StreamExecutionEnvironment env = built(args);
    assertThat(env.getStreamGraph(false).getStreamNodes()).allMatch(node -> node.getTransformationUID() != null);
    JobGraph job = env.getStreamGraph().getJobGraph();
    List<JobVertex> vertices = job.getVerticesSortedTopologicallyFromSources();
    assertThat(vertices).extracting(JobVertex::getParallelism).containsExactly(1, 2, 1);
    assertThat(vertices).extracting(JobVertex::getName).startsWith("Source: Lines -> Events", "Totals");
  }

  @ParameterizedTest
  @CsvSource({"--host events, 10000", "--host events --checkpoint-interval 500, 500"})
  void checkpointsAreKept(String args, long interval) {
    var checkpoints = built(args).getCheckpointConfig();
    assertThat(checkpoints.getCheckpointInterval()).isEqualTo(interval);
    assertThat(checkpoints.getExternalizedCheckpointRetention())
        .isEqualTo(ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
  }

  @Test
  void whatItDoesNotKnowIsAnError() {
    assertThatThrownBy(() -> built("--host events --prot 9")).hasMessage("unknown options: [prot]");
    assertThatThrownBy(() -> built("--port 9000")).hasMessageContaining("host");
  }

  private static StreamExecutionEnvironment built(String args) {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.setParallelism(2);
    EventCounter.build(env, args.split(" "));
    return env;
  }
}
