package playground.event;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;

/**
 * {@link Totals} as they are not to be written: in a field, of which no checkpoint knows. They are right until something
 * fails, and begin at nothing after that.
 */
class ForgetfulTotals extends RichMapFunction<Event, String> {
  private static final long serialVersionUID = 1L;

  private transient Map<String, Total> totals;

  @Override
  public void open(OpenContext context) {
    totals = new HashMap<>();
  }

  @Override
  public String map(Event event) {
    Total now = totals.getOrDefault(event.id(), Total.NONE).plus(event);
    totals.put(event.id(), now);
    return now.of(event.id());
  }
}
