package playground;

/**
 * A visitor clicked on a page.
 *
 * @param timestamp event time, in milliseconds since the epoch
 * @param page the page's path, such as {@code /help}
 */
public record ClickEvent(long timestamp, String page) {}
