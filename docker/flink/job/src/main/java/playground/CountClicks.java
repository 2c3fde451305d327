package playground;

import org.apache.flink.api.common.functions.AggregateFunction;

/** Counts the clicks of a window as they come, so that a window's state is one number. */
class CountClicks implements AggregateFunction<ClickEvent, Long, Long> {
  private static final long serialVersionUID = 1L;

  @Override
  public Long createAccumulator() {
    return 0L;
  }

  @Override
  public Long add(ClickEvent click, Long count) {
    return count + 1;
  }

  @Override
  public Long getResult(Long count) {
    return count;
  }

  @Override
  public Long merge(Long left, Long right) {
    return left + right;
  }
}
