package playground.event;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.metrics.Counter;
import org.apache.flink.util.Collector;

/** Makes events of lines. What is none is skipped and counted in the metric {@value #MALFORMED}, as it is for clicks. */
class ParseEvents extends RichFlatMapFunction<String, Event> {
  static final String MALFORMED = "malformedRecords";

  private static final long serialVersionUID = 1L;

  transient Counter malformed;

  @Override
  public void open(OpenContext context) {
    malformed = getRuntimeContext().getMetricGroup().counter(MALFORMED);
  }

  @Override
  public void flatMap(String line, Collector<Event> out) {
    Event.parse(line).ifPresentOrElse(out::collect, malformed::inc);
  }
}
