package playground;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.LongStream;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.operators.StreamMap;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;

class BallastTest {
  private static final long T = 1604280255000L;
  private static final int KEYS = 100;

  @Test
  void aPagesClicksAreDealtOutToItsKeysInTurn() {
    List<String> keys = LongStream.range(0, 2 * KEYS).mapToObj(n -> Ballast.key(click(n, "/help"), KEYS)).toList();
    assertThat(keys.subList(0, KEYS)).doesNotHaveDuplicates().isEqualTo(keys.subList(KEYS, 2 * KEYS));
  }

  @Test
  void pagesShareNoKey() {
    assertThat(Ballast.key(click(0, "/help"), KEYS)).isNotEqualTo(Ballast.key(click(0, "/shop"), KEYS));
  }

  @Test
  void stateGrowsByAKibibyteAKeyAndThenNoMore() throws Exception {
    try (Harness ballast = new Harness()) {
      ballast.clicks(0, 10);
      long few = size(ballast.snapshot(1, 0));
      ballast.clicks(10, KEYS);
      long all = size(ballast.snapshot(2, 0));
      assertThat(all - few).isBetween(90L * Ballast.BYTES_A_KEY, 95L * Ballast.BYTES_A_KEY);
      ballast.clicks(KEYS, 3 * KEYS);
      assertThat(size(ballast.snapshot(3, 0))).isEqualTo(all);
    }
  }

  @Test
  void clicksPassUnchanged() throws Exception {
    try (Harness ballast = new Harness()) {
      ballast.clicks(0, 3);
      assertThat(ballast.extractOutputValues()).containsExactly(click(0, "/help"), click(1, "/help"), click(2, "/help"));
    }
  }

  private static ClickEvent click(long n, String page) {
    return new ClickEvent(T + 15 * n, page);
  }

  private static long size(OperatorSubtaskState state) {
    return state.getManagedKeyedState().getStateSize();
  }

  private static final class Harness extends KeyedOneInputStreamOperatorTestHarness<String, ClickEvent, ClickEvent> {
    private static final long serialVersionUID = 1L;

    Harness() throws Exception {
      super(new StreamMap<>(new Ballast()), click -> Ballast.key(click, KEYS), Types.STRING);
      open();
    }

    void clicks(long from, long to) throws Exception {
      for (long n = from; n < to; n++) {
        processElement(click(n, "/help"), T + 15 * n);
      }
    }
  }
}
