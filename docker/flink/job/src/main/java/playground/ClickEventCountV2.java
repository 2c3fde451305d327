package playground;

/**
 * The second version of the job: {@link ClickEventCount} with {@link PageTotals} in front of the counter. Everything else
 * has the uid that it has in the first version.
 *
 * <p>So it takes over a savepoint of the first version: what both have goes on where it was, and the new operator begins
 * empty. The way back has to be asked for, because the first version has no place for the totals: it takes a savepoint of
 * this one only when state that belongs to no operator may be left behind ({@code allowNonRestoredState}).
 */
public final class ClickEventCountV2 {
  private ClickEventCountV2() {}

  public static void main(String[] args) throws Exception {
    ClickEventCount.run(ClickEventCountV2.class, PageTotals::addTo, args);
  }
}
