package playground;

import java.util.Random;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;

/**
 * Passes clicks on and keeps a KiB of state for each of its keys, of which each page has the same number. So it can be
 * measured how the time that savepoints and rescaling take grows with the state.
 *
 * <p>Clicks of a page go different ways through it and may overtake one another, but never a watermark: each window still
 * gets all of its clicks.
 */
class Ballast extends RichMapFunction<ClickEvent, ClickEvent> {
  static final int BYTES_A_KEY = 1024;

  /** From one click of a page to the next, in milliseconds of event time. */
  private static final long STEP = 15;

  private static final long serialVersionUID = 1L;

  private transient ValueState<byte[]> ballast;

  static DataStream<ClickEvent> addTo(DataStream<ClickEvent> clicks, long keysPerPage) {
    return clicks
        .keyBy(click -> key(click, keysPerPage), Types.STRING)
        .map(new Ballast())
        .name("Ballast")
        .uid("ballast");
  }

  /**
   * Deals out a page's clicks to its keys in turn, so that each click is a new key until there are no more. The turn is
   * told by the click's time and not by a counter: Flink asks for the key of one click more than once, and after a failure
   * the same click comes again.
   */
  static String key(ClickEvent click, long keysPerPage) {
    return click.page() + ' ' + Math.floorMod(click.timestamp() / STEP, keysPerPage);
  }

  @Override
  public void open(OpenContext context) {
    ballast = getRuntimeContext().getState(new ValueStateDescriptor<>("ballast", byte[].class));
  }

  @Override
  public ClickEvent map(ClickEvent click) throws Exception {
    if (ballast.value() == null) {
      byte[] noise = new byte[BYTES_A_KEY];
      // Random, so that it is as large when snapshots are compressed.
      new Random(click.timestamp()).nextBytes(noise);
      ballast.update(noise);
    }
    return click;
  }
}
