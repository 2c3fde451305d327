package playground;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.streaming.api.datastream.DataStream;

/**
 * Passes clicks on and keeps, for each page, how many it has seen since the operator first ran. The metric {@value #TOTAL}
 * shows it, in a group for each page; it is there from a page's first click after a start.
 */
class PageTotals extends RichMapFunction<ClickEvent, ClickEvent> {
  static final String TOTAL = "total";

  private static final long serialVersionUID = 1L;

  private transient ValueState<Long> total;

  /** The totals of this subtask's pages, for the metrics, which are read in another thread and without a key. */
  private transient Map<String, Long> shown;

  static DataStream<ClickEvent> addTo(DataStream<ClickEvent> clicks) {
    return clicks.keyBy(ClickEvent::page).map(new PageTotals()).name("Page Totals").uid("page-totals");
  }

  @Override
  public void open(OpenContext context) {
    total = getRuntimeContext().getState(new ValueStateDescriptor<>(TOTAL, Long.class));
    shown = new ConcurrentHashMap<>();
  }

  @Override
  public ClickEvent map(ClickEvent click) throws Exception {
    String page = click.page();
    Long before = total.value();
    long now = before == null ? 1 : before + 1;
    total.update(now);
    if (shown.put(page, now) == null) {
      Gauge<Long> gauge = () -> shown.get(page);
      getRuntimeContext().getMetricGroup().addGroup(page).gauge(TOTAL, gauge);
    }
    return click;
  }
}
