package playground.event;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EventTest {
  @ParameterizedTest
  @CsvSource({
    "'event-1 1.0 1604280262000', event-1, 1.0, 1604280262000",
    "'e 2 0', e, 2.0, 0",
    "'e\t-0.5  7\r', e, -0.5, 7",
  })
  void aLineIsAnEvent(String line, String id, double value, long timestamp) {
    assertThat(Event.parse(line)).contains(new Event(id, value, timestamp));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "event-1", "event-1 1.0", "event-1 1.0 1604280262000 x", "e NaN 1", "e 1f 1", "e 1.0 -1", " 1.0 1", "e 1.0 1234567890123456789"})
  void whatIsNoEventIsNone(String line) {
    assertThat(Event.parse(line)).isEmpty();
  }

  @Test
  void aTotalTellsItself() {
    Total total = Total.NONE.plus(new Event("event-1", 1, 0)).plus(new Event("event-1", 2.5, 0));
    assertThat(total.of("event-1")).isEqualTo("event-1 count=2 sum=3.5");
  }
}
