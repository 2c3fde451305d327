package playground;

/**
 * How many clicks a page had in one window.
 *
 * @param windowStart first millisecond of the window, since the epoch
 * @param windowEnd first millisecond after the window
 * @param page the page's path
 * @param count the number of clicks
 * @param checksum see {@link ClickSum#checksum}
 */
public record ClickEventStatistics(long windowStart, long windowEnd, String page, long count, long checksum) {}
