package playground.event;

/**
 * What there was of something so far.
 *
 * @param count how many events
 * @param sum their values, added up in the order in which they came
 */
public record Total(long count, double sum) {
  static final Total NONE = new Total(0, 0);

  Total plus(Event event) {
    return new Total(count + 1, sum + event.value());
  }

  /** As in {@code event-1 count=3 sum=6.0}. */
  String of(String id) {
    return id + " count=" + count + " sum=" + sum;
  }
}
