package playground;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Metric;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.clusterframework.types.ResourceID;
import org.apache.flink.runtime.executiongraph.ExecutionGraphTestUtils;
import org.apache.flink.runtime.metrics.MetricRegistry;
import org.apache.flink.runtime.metrics.groups.AbstractMetricGroup;
import org.apache.flink.runtime.metrics.groups.TaskManagerMetricGroup;
import org.apache.flink.runtime.metrics.groups.TaskMetricGroup;
import org.apache.flink.runtime.metrics.util.TestingMetricRegistry;
import org.apache.flink.runtime.operators.testutils.MockEnvironment;
import org.apache.flink.runtime.operators.testutils.MockEnvironmentBuilder;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.operators.StreamMap;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.util.function.TriConsumer;
import org.junit.jupiter.api.Test;

class PageTotalsTest {
  @Test
  void eachPageHasItsTotalAndClicksPassUnchanged() throws Exception {
    try (Harness totals = new Harness(null)) {
      totals.click(1, "/help");
      totals.click(2, "/shop");
      totals.click(3, "/help");
      assertThat(totals.of("/help")).isEqualTo(2);
      assertThat(totals.of("/shop")).isEqualTo(1);
      assertThat(totals.extractOutputValues())
          .containsExactly(new ClickEvent(1, "/help"), new ClickEvent(2, "/shop"), new ClickEvent(3, "/help"));
    }
  }

  @Test
  void totalsGoOnAfterARestore() throws Exception {
    OperatorSubtaskState state;
    try (Harness before = new Harness(null)) {
      before.click(1, "/help");
      state = before.snapshot(1, 0);
    }
    try (Harness after = new Harness(state)) {
      after.click(2, "/help");
      assertThat(after.of("/help")).isEqualTo(2);
    }
  }

  @Test
  void theMetricShowsWhatIsInTheState() throws Exception {
    Map<String, Metric> metrics = new HashMap<>();
    OperatorSubtaskState state;
    try (Harness before = new Harness(null)) {
      before.click(1, "/help");
      state = before.snapshot(1, 0);
    }
    try (Harness totals = new Harness(state, (metric, name, group) -> metrics.put(group.getMetricIdentifier(name), metric))) {
      totals.click(2, "/help");
      totals.click(3, "/shop");
      totals.click(4, "/help");
    }
    assertThat(value(metrics, "/help.total")).isEqualTo(3L);
    assertThat(value(metrics, "/shop.total")).isEqualTo(1L);
  }

  private static Object value(Map<String, Metric> metrics, String end) {
    List<String> names = metrics.keySet().stream().filter(name -> name.endsWith(end)).toList();
    assertThat(names).hasSize(1);
    return ((Gauge<?>) metrics.get(names.get(0))).getValue();
  }

  private static TaskMetricGroup task(TriConsumer<Metric, String, AbstractMetricGroup<?>> registered) {
    MetricRegistry registry = TestingMetricRegistry.builder().setRegisterConsumer(registered).build();
    return TaskManagerMetricGroup.createTaskManagerMetricGroup(registry, "host", ResourceID.generate())
        .addJob(new JobID(), "job")
        .addTask(ExecutionGraphTestUtils.createExecutionAttemptId(), "task");
  }

  private static final class Harness extends KeyedOneInputStreamOperatorTestHarness<String, ClickEvent, ClickEvent> {
    private static final long serialVersionUID = 1L;

    private final StreamMap<ClickEvent, ClickEvent> operator;

    Harness(OperatorSubtaskState state) throws Exception {
      this(state, (metric, name, group) -> {});
    }

    Harness(OperatorSubtaskState state, TriConsumer<Metric, String, AbstractMetricGroup<?>> registered) throws Exception {
      this(new StreamMap<>(new PageTotals()), state, new MockEnvironmentBuilder().setMetricGroup(task(registered)).build());
    }

    private Harness(StreamMap<ClickEvent, ClickEvent> operator, OperatorSubtaskState state, MockEnvironment environment)
        throws Exception {
      super(operator, ClickEvent::page, Types.STRING, environment);
      this.operator = operator;
      setup();
      initializeState(state);
      open();
    }

    void click(long timestamp, String page) throws Exception {
      processElement(new ClickEvent(timestamp, page), timestamp);
    }

    long of(String page) throws Exception {
      KeyedStateBackend<String> states = operator.getKeyedStateBackend();
      states.setCurrentKey(page);
      var total = new ValueStateDescriptor<>(PageTotals.TOTAL, Long.class);
      return states.getPartitionedState(VoidNamespace.INSTANCE, VoidNamespaceSerializer.INSTANCE, total).value();
    }
  }
}
