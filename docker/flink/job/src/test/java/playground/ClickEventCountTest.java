package playground;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.typeutils.PojoTypeInfo;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.transformations.OneInputTransformation;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClickEventCountTest {
  /** Start of a window. */
  private static final long T = 1604280255000L;

  private static final long WINDOW = ClickEventCount.WINDOW.toMillis();

  @Test
  void eachPageAndWindowIsCountedExactly() throws Exception {
    try (CounterHarness counter = counter("--event-time")) {
      for (int click = 0; click < 1000; click++) {
        counter.click(T + click * WINDOW / 1000, "/help");
        counter.click(T + click * WINDOW / 1000, "/shop");
      }
      counter.click(T + WINDOW, "/help");
      counter.processWatermark(new Watermark(T + WINDOW - 1));
      assertThat(counter.emitted())
          .containsExactlyInAnyOrder(
              new ClickEventStatistics(T, T + WINDOW, "/help", 1000, 7_492_500),
              new ClickEventStatistics(T, T + WINDOW, "/shop", 1000, 7_492_500));

      counter.processWatermark(new Watermark(T + 2 * WINDOW - 1));
      assertThat(counter.emitted()).contains(new ClickEventStatistics(T + WINDOW, T + 2 * WINDOW, "/help", 1, 0)).hasSize(3);
    }
  }

  @Test
  void aWindowStaysOpenUntilTheWatermarkHasPassedIt() throws Exception {
    try (CounterHarness counter = counter("--event-time")) {
      counter.click(T, "/help");
      counter.processWatermark(new Watermark(T + WINDOW - 2));
      assertThat(counter.emitted()).isEmpty();
      counter.click(T + 1, "/help");
      counter.processWatermark(new Watermark(T + WINDOW - 1));
      assertThat(counter.emitted()).containsExactly(new ClickEventStatistics(T, T + WINDOW, "/help", 2, 1));
    }
  }

  @Test
  void asManyClicksThatAreOthersHaveAnotherChecksum() throws Exception {
    long[] checksums = new long[2];
    for (int run = 0; run < 2; run++) {
      try (CounterHarness counter = counter("--event-time")) {
        counter.click(T, "/help");
        counter.click(T + 15, "/help");
        // In the second run the third click is lost, and the second one counted twice.
        counter.click(T + (run == 0 ? 30 : 15), "/help");
        counter.processWatermark(new Watermark(T + WINDOW - 1));
        assertThat(counter.emitted().get(0).count()).isEqualTo(3);
        checksums[run] = counter.emitted().get(0).checksum();
      }
    }
    assertThat(checksums).containsExactly(45, 30);
  }

  @Test
  void aLateClickChangesNothing() throws Exception {
    try (CounterHarness counter = counter("--event-time")) {
      counter.click(T, "/help");
      counter.processWatermark(new Watermark(T + WINDOW - 1));
      counter.click(T + 1, "/help");
      counter.processWatermark(new Watermark(T + 2 * WINDOW));
      assertThat(counter.emitted()).containsExactly(new ClickEventStatistics(T, T + WINDOW, "/help", 1, 0));
    }
  }

  @Test
  void anOpenWindowSurvivesARestore() throws Exception {
    OperatorSubtaskState state;
    try (CounterHarness before = counter("--event-time")) {
      before.click(T, "/help");
      state = before.snapshot(1, 0);
    }
    try (CounterHarness after = counter(state, "--event-time")) {
      after.click(T + 1, "/help");
      after.processWatermark(new Watermark(T + WINDOW));
      assertThat(after.emitted()).containsExactly(new ClickEventStatistics(T, T + WINDOW, "/help", 2, 1));
    }
  }

  @Test
  void withoutEventTimeTheClockDecides() throws Exception {
    try (CounterHarness counter = counter()) {
      counter.setProcessingTime(0);
      counter.click(T + 15, "/help");
      counter.click(T + 3 * WINDOW + 30, "/help");
      counter.setProcessingTime(WINDOW);
      // The checksum is still of the clicks' own time: 15 + 30.
      assertThat(counter.emitted()).containsExactly(new ClickEventStatistics(0, WINDOW, "/help", 2, 45));
    }
  }

  @Test
  void aClickBefore1970FallsAsFarIntoItsWindow() throws Exception {
    try (CounterHarness counter = counter("--event-time")) {
      counter.click(-15, "/help");
      counter.processWatermark(new Watermark(-1));
      assertThat(counter.emitted()).containsExactly(new ClickEventStatistics(-WINDOW, 0, "/help", 1, WINDOW - 15));
    }
  }

  @Test
  void aCountIsWrittenAsJson() {
    var schema = new ClickEventStatisticsSerializer();
    schema.open(null);
    assertThat(new String(schema.serialize(new ClickEventStatistics(T, T + WINDOW, "/help", 1000, 7_492_500)), UTF_8))
        .isEqualTo(
            "{\"windowStart\":1604280255000,\"windowEnd\":1604280270000,\"page\":\"/help\",\"count\":1000,\"checksum\":7492500}");
  }

  /** Anything else would go through Kryo, which is slow and ties a savepoint to the class's layout. */
  @ParameterizedTest
  @ValueSource(classes = {ClickEvent.class, ClickSum.class, ClickEventStatistics.class})
  void recordsHaveFlinksOwnSerializer(Class<?> type) {
    assertThat(TypeInformation.of(type)).isInstanceOf(PojoTypeInfo.class);
  }

  private static CounterHarness counter(String... args) throws Exception {
    return counter(null, args);
  }

  private static CounterHarness counter(OperatorSubtaskState state, String... args) throws Exception {
    CounterHarness counter = new CounterHarness(JobOptions.parse(args));
    counter.setup();
    counter.initializeState(state);
    counter.open();
    return counter;
  }

  /** The job's own window operator, without a cluster around it. */
  private static final class CounterHarness
      extends KeyedOneInputStreamOperatorTestHarness<String, ClickEvent, ClickEventStatistics> {
    private static final long serialVersionUID = 1L;

    CounterHarness(JobOptions options) throws Exception {
      super(operator(options), ClickEvent::page, Types.STRING);
    }

    @SuppressWarnings("unchecked")
    private static OneInputStreamOperator<ClickEvent, ClickEventStatistics> operator(JobOptions options) {
      var env = StreamExecutionEnvironment.getExecutionEnvironment();
      var clicks = env.fromData(new ClickEvent(0, "/help"));
      var counted = ClickEventCount.countByPage(clicks, ClickEventCount.windows(options)).getTransformation();
      return ((OneInputTransformation<ClickEvent, ClickEventStatistics>) counted).getOperator();
    }

    void click(long timestamp, String page) throws Exception {
      processElement(new ClickEvent(timestamp, page), timestamp);
    }

    List<ClickEventStatistics> emitted() {
      return extractOutputValues();
    }
  }
}
