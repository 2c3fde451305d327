package playground;

import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Adds to a sum of clicks the page and the window that it is of. */
class NameWindow extends ProcessWindowFunction<ClickSum, ClickEventStatistics, String, TimeWindow> {
  private static final long serialVersionUID = 1L;

  @Override
  public void process(String page, Context context, Iterable<ClickSum> sums, Collector<ClickEventStatistics> out) {
    TimeWindow window = context.window();
    for (ClickSum sum : sums) {
      out.collect(new ClickEventStatistics(window.getStart(), window.getEnd(), page, sum.count, sum.checksum));
    }
  }
}
