package playground;

/** How many clicks there are, and which. Public, with public fields, so that Flink has a serializer of its own for it. */
public class ClickSum {
  /** How many. */
  public long count;

  /**
   * How far each click falls into its 15 seconds of event time, in milliseconds, added up: one click lost and another
   * counted twice leave the count as it should be, and this not. It would wrap around, as the ledger's does, but that takes
   * 600 trillion clicks in a window.
   */
  public long checksum;
}
