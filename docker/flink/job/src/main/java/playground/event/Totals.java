package playground.event;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;

/** Adds each event to the total of its id, which is in the state, and tells the new total. */
class Totals extends RichMapFunction<Event, String> {
  private static final long serialVersionUID = 1L;

  private transient ValueState<Total> total;

  @Override
  public void open(OpenContext context) {
    total = getRuntimeContext().getState(new ValueStateDescriptor<>("total", Total.class));
  }

  @Override
  public String map(Event event) throws Exception {
    Total before = total.value();
    Total now = (before == null ? Total.NONE : before).plus(event);
    total.update(now);
    return now.of(event.id());
  }
}
