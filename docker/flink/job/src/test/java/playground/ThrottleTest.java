package playground;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ThrottleTest {
  @ParameterizedTest
  @CsvSource({
    "2026-11-21T10:00:00Z, true",
    "2026-11-21T10:00:59Z, true",
    "2026-11-21T10:01:00Z, false",
    "2026-11-21T10:59:59Z, false",
  })
  void isSevereInEvenMinutes(Instant now, boolean severe) {
    assertThat(Throttle.isSevere(Clock.fixed(now, ZoneOffset.UTC))).isEqualTo(severe);
  }
}
