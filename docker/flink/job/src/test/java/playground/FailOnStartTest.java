package playground;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.streaming.api.operators.StreamMap;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;

class FailOnStartTest {
  @Test
  void neverComesUp() throws Exception {
    try (var harness = new OneInputStreamOperatorTestHarness<>(new StreamMap<>(new FailOnStart()))) {
      assertThatThrownBy(harness::open).isInstanceOf(IllegalStateException.class).hasMessage("asked to fail on start");
    }
  }
}
