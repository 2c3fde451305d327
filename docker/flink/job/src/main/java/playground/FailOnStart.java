package playground;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;

/**
 * Never comes up. A job with it is accepted and then fails again and again: what an upgrade looks like whose new job is
 * broken, and which has to be rolled back.
 */
class FailOnStart extends RichMapFunction<ClickEvent, ClickEvent> {
  private static final long serialVersionUID = 1L;

  static SingleOutputStreamOperator<ClickEvent> addTo(DataStream<ClickEvent> clicks) {
    return clicks.map(new FailOnStart()).name("Fail on start").uid("fail-on-start");
  }

  @Override
  public void open(OpenContext context) {
    throw new IllegalStateException("asked to fail on start");
  }

  @Override
  public ClickEvent map(ClickEvent click) {
    return click;
  }
}
