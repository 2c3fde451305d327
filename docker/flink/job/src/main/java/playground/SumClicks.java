package playground;

import org.apache.flink.api.common.functions.AggregateFunction;

/** Adds the clicks of a window up as they come, so that a window's state is two numbers. */
class SumClicks implements AggregateFunction<ClickEvent, ClickSum, ClickSum> {
  private static final long serialVersionUID = 1L;

  @Override
  public ClickSum createAccumulator() {
    return new ClickSum();
  }

  @Override
  public ClickSum add(ClickEvent click, ClickSum sum) {
    sum.count++;
    sum.checksum += Math.floorMod(click.timestamp(), ClickEventCount.WINDOW.toMillis());
    return sum;
  }

  @Override
  public ClickSum getResult(ClickSum sum) {
    return sum;
  }

  @Override
  public ClickSum merge(ClickSum left, ClickSum right) {
    left.count += right.count;
    left.checksum += right.checksum;
    return left;
  }
}
