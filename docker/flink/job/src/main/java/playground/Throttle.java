package playground;

import java.time.Clock;
import java.time.Duration;
import java.time.ZonedDateTime;
import org.apache.flink.api.common.functions.MapFunction;

/** Passes clicks on, in even minutes of the clock so slowly that everything before it has to wait. */
class Throttle implements MapFunction<ClickEvent, ClickEvent> {
  /** At most 50 clicks a second in each subtask, where the workload brings 200 at its usual pace. */
  private static final Duration PAUSE = Duration.ofMillis(20);

  private static final long serialVersionUID = 1L;

  @Override
  public ClickEvent map(ClickEvent click) throws InterruptedException {
    if (isSevere(Clock.systemUTC())) {
      Thread.sleep(PAUSE.toMillis());
    }
    return click;
  }

  static boolean isSevere(Clock clock) {
    return ZonedDateTime.now(clock).getMinute() % 2 == 0;
  }
}
