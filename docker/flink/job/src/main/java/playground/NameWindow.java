package playground;

import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Adds to a count the page and the window that it is of. */
class NameWindow extends ProcessWindowFunction<Long, ClickEventStatistics, String, TimeWindow> {
  private static final long serialVersionUID = 1L;

  @Override
  public void process(String page, Context context, Iterable<Long> counts, Collector<ClickEventStatistics> out) {
    TimeWindow window = context.window();
    for (long count : counts) {
      out.collect(new ClickEventStatistics(window.getStart(), window.getEnd(), page, count));
    }
  }
}
