package playground;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.jobgraph.SavepointRestoreSettings;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.CommonTestUtils;
import org.apache.flink.runtime.testutils.InternalMiniClusterExtension;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** From one version of the job to the other and back, each time through a savepoint, on a Flink within this process. */
@Timeout(120)
class UpgradeTest {
  @RegisterExtension
  static final InternalMiniClusterExtension FLINK =
      new InternalMiniClusterExtension(
          new MiniClusterResourceConfiguration.Builder().setNumberTaskManagers(1).setNumberSlotsPerTaskManager(2).build());

  private static final UnaryOperator<DataStream<ClickEvent>> V1 = UnaryOperator.identity();
  private static final UnaryOperator<DataStream<ClickEvent>> V2 = PageTotals::addTo;

  /** Start of a window. */
  private static final long T = 1604280255000L;

  private static final List<String> PAGES = List.of("/help", "/index", "/shop", "/jobs", "/about", "/news");
  private static final int WINDOWS = 4;
  private static final long CLICKS = WINDOWS * 1000L * PAGES.size();

  /** So that each savepoint lies in the middle of a window, and the third run reaches the end. */
  private static final int CLICKS_A_RUN = (int) CLICKS / 3 + 1;

  // The jobs run in this process, so that this is how they can be seen.
  private static final AtomicLong CLICKED = new AtomicLong();
  private static final Queue<ClickEventStatistics> EMITTED = new ConcurrentLinkedQueue<>();

  @TempDir private Path savepoints;

  @BeforeEach
  void reset() {
    CLICKED.set(0);
    EMITTED.clear();
  }

  @Test
  void everyWindowIsExactThereAndBack(@InjectMiniCluster MiniCluster flink) throws Exception {
    String first = stop(flink, submit(flink, V1, SavepointRestoreSettings.none()), CLICKS_A_RUN);
    String second = stop(flink, submit(flink, V2, SavepointRestoreSettings.forPath(first)), 2 * CLICKS_A_RUN);

    JobID refused = submit(flink, V1, SavepointRestoreSettings.forPath(second));
    assertThatThrownBy(() -> flink.requestJobResult(refused).get().toJobExecutionResult(getClass().getClassLoader()))
        .hasStackTraceContaining("allowNonRestoredState");

    JobID back = submit(flink, V1, SavepointRestoreSettings.forPath(second, true));
    flink.requestJobResult(back).get().toJobExecutionResult(getClass().getClassLoader());

    assertThat(EMITTED).doesNotHaveDuplicates().hasSize(WINDOWS * PAGES.size());
    assertThat(EMITTED).extracting(ClickEventStatistics::count).containsOnly(1000L);
    // 0 + 15 + 30 + … + 14985: each click was counted once, and none in another's place.
    assertThat(EMITTED).extracting(ClickEventStatistics::checksum).containsOnly(7_492_500L);
  }

  private static JobID submit(
      MiniCluster flink, UnaryOperator<DataStream<ClickEvent>> version, SavepointRestoreSettings savepoint)
      throws Exception {
    StreamGraph job = job(version);
    job.setSavepointRestoreSettings(savepoint);
    flink.submitJob(job).get();
    return job.getJobID();
  }

  /** Waits until so many clicks have been read in all, and stops the job. */
  private String stop(MiniCluster flink, JobID job, long clicks) throws Exception {
    CommonTestUtils.waitForAllTaskRunning(flink, job, false);
    CommonTestUtils.waitUntilCondition(() -> CLICKED.get() == clicks);
    return flink.stopWithSavepoint(job, savepoints.toString(), false, SavepointFormatType.CANONICAL).get();
  }

  private static StreamGraph job(UnaryOperator<DataStream<ClickEvent>> version) {
    JobOptions options = JobOptions.parse("--event-time", "--state-keys", "50");
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.setParallelism(2);
    var clicks =
        new DataGeneratorSource<>(
            UpgradeTest::click,
            CLICKS,
            // In truth once a run: no job here makes a checkpoint before it is stopped.
            RateLimiterStrategy.perCheckpoint(CLICKS_A_RUN),
            TypeInformation.of(ClickEvent.class));
    ClickEventCount.count(
            env.fromSource(clicks, ClickEventCount.watermarks(options), "clicks").uid("clicks").setParallelism(1),
            options,
            version)
        .map(UpgradeTest::emit)
        .sinkTo(new DiscardingSink<>());
    return env.getStreamGraph();
  }

  private static ClickEvent click(long n) {
    CLICKED.incrementAndGet();
    int page = (int) (n % PAGES.size());
    return new ClickEvent(T + n / PAGES.size() * 15, PAGES.get(page));
  }

  private static ClickEventStatistics emit(ClickEventStatistics count) {
    EMITTED.add(count);
    return count;
  }
}
