package playground.event;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.flink.streaming.api.operators.StreamFlatMap;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;

class ParseEventsTest {
  @Test
  void whatIsNoEventIsSkippedAndCounted() throws Exception {
    ParseEvents parse = new ParseEvents();
    try (var harness = new OneInputStreamOperatorTestHarness<>(new StreamFlatMap<>(parse))) {
      harness.open();
      for (String line : new String[] {"a 1 0", "nonsense", "a 2 0"}) {
        harness.processElement(line, 0);
      }
      assertThat(harness.extractOutputValues()).containsExactly(new Event("a", 1, 0), new Event("a", 2, 0));
      assertThat(parse.malformed.getCount()).isOne();
    }
  }
}
