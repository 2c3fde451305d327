package playground.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.operators.StreamMap;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;

class TotalsTest {
  @Test
  void eachIdHasItsTotal() throws Exception {
    for (MapFunction<Event, String> totals : List.of(new Totals(), new ForgetfulTotals())) {
      try (Harness harness = new Harness(totals, null)) {
        assertThat(harness.told("a 1 0", "b 2 0", "a 2.5 0"))
            .containsExactly("a count=1 sum=1.0", "b count=1 sum=2.0", "a count=2 sum=3.5");
      }
    }
  }

  @Test
  void totalsGoOnAfterARestore() throws Exception {
    assertThat(toldAfterARestore(new Totals(), new Totals())).containsExactly("a count=3 sum=6.0");
  }

  @Test
  void forgetfulTotalsBeginAnew() throws Exception {
    assertThat(toldAfterARestore(new ForgetfulTotals(), new ForgetfulTotals())).containsExactly("a count=1 sum=3.0");
  }

  private static List<String> toldAfterARestore(MapFunction<Event, String> before, MapFunction<Event, String> after)
      throws Exception {
    OperatorSubtaskState state;
    try (Harness harness = new Harness(before, null)) {
      harness.told("a 1 0", "a 2 0");
      state = harness.snapshot(1, 0);
    }
    try (Harness harness = new Harness(after, state)) {
      return harness.told("a 3 0");
    }
  }

  private static final class Harness extends KeyedOneInputStreamOperatorTestHarness<String, Event, String> {
    private static final long serialVersionUID = 1L;

    Harness(MapFunction<Event, String> totals, OperatorSubtaskState state) throws Exception {
      super(new StreamMap<>(totals), Event::id, Types.STRING);
      setup();
      initializeState(state);
      open();
    }

    List<String> told(String... lines) throws Exception {
      for (String line : lines) {
        processElement(Event.parse(line).orElseThrow(), 0);
      }
      return new ArrayList<>(extractOutputValues());
    }
  }
}
