package playground.event;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Something was measured.
 *
 * @param id what was measured
 * @param value how much of it
 * @param timestamp when, in milliseconds since the epoch
 */
public record Event(String id, double value, long timestamp) {
  /** As in {@code event-1 1.0 1604280262000}. Stricter than Java, which reads {@code NaN} and {@code 1f} as numbers, too. */
  private static final Pattern LINE = Pattern.compile("(\\S+)[ \t]+(-?\\d+(?:\\.\\d+)?)[ \t]+(\\d{1,18})\\s*");

  /** What a line says; nothing when it is no event. */
  static Optional<Event> parse(String line) {
    Matcher parts = LINE.matcher(line);
    return parts.matches()
        ? Optional.of(new Event(parts.group(1), Double.parseDouble(parts.group(2)), Long.parseLong(parts.group(3))))
        : Optional.empty();
  }
}
