package playground;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.metrics.Counter;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.StreamReadConstraints;

/**
 * Reads a {@link ClickEvent} from a JSON object in UTF-8. Unknown fields are ignored.
 *
 * <p>What is a click here is one for the ledger of the playground as well, and the other way round, or the two would not
 * count the same records: {@code clicks.tsv} among the tests' resources is run through both. So it is read field by field,
 * without the conversions and limits that a mapper to objects has.
 *
 * <p>A record that is no click is skipped and counted in the metric {@value #MALFORMED}: it will not become a click by
 * reading it again, so failing would stop the job for good.
 */
public class ClickEventDeserializer extends AbstractDeserializationSchema<ClickEvent> {
  static final String MALFORMED = "malformedRecords";

  /**
   * Times beyond this, before or after 1970, are none of the workload: JSON's numbers are exact up to here only, and near the
   * end of a long a window would have no end.
   */
  private static final long LATEST = 1L << 53;

  private static final long serialVersionUID = 1L;

  private transient JsonFactory factory;
  private transient CharsetDecoder utf8;
  private transient Counter malformed;

  @Override
  public void open(InitializationContext context) {
    factory =
        JsonFactory.builder()
            // Its table of the field names seen so far fails on its own count after some hundred, and refuses a record with
            // many names of one hash: what a record is would depend on those before it.
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            // A field that is skipped may be as long and as deep as it likes, and so may its name.
            .streamReadConstraints(
                StreamReadConstraints.builder()
                    .maxNestingDepth(Integer.MAX_VALUE)
                    .maxNumberLength(Integer.MAX_VALUE)
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .build())
            .build();
    utf8 = StandardCharsets.UTF_8.newDecoder();
    malformed = context.getMetricGroup().counter(MALFORMED);
  }

  /** Returns null, which Flink skips, for what is no click. */
  @Override
  public ClickEvent deserialize(byte[] message) {
    ClickEvent click = null;
    // A null message is a tombstone.
    if (message != null) {
      try (JsonParser json = factory.createParser(text(message))) {
        click = click(json);
      } catch (IOException notAClick) {
        // Counted below.
      }
    }
    if (click == null) {
      malformed.inc();
    }
    return click;
  }

  /** Decoded here, because a parser of bytes takes UTF-16 and UTF-32 as well, and bytes that are no UTF-8. */
  private String text(byte[] message) throws CharacterCodingException {
    for (byte one : message) {
      if (one < 0) {
        return utf8.decode(ByteBuffer.wrap(message)).toString();
      }
    }
    return new String(message, StandardCharsets.ISO_8859_1);
  }

  /** The click that the parser is in front of, or null. */
  private static ClickEvent click(JsonParser json) throws IOException {
    if (json.nextToken() != JsonToken.START_OBJECT) {
      return null;
    }
    Long timestamp = null;
    String page = null;
    for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
      JsonToken value = json.nextToken();
      if (!isWellFormed(field)) {
        return null;
      } else if (field.equals("timestamp")) {
        if (timestamp != null || value != JsonToken.VALUE_NUMBER_INT || json.getText().equals("-0")) {
          return null;
        }
        timestamp = json.getLongValue();
      } else if (field.equals("page")) {
        if (page != null || value != JsonToken.VALUE_STRING) {
          return null;
        }
        page = json.getText();
      } else {
        json.skipChildren();
      }
    }
    boolean isWhole = timestamp != null && page != null && json.nextToken() == null;
    boolean isOurs = isWhole && timestamp > -LATEST && timestamp < LATEST && isWellFormed(page);
    return isOurs ? new ClickEvent(timestamp, page) : null;
  }

  /** Whether no half of a surrogate pair stands alone, as an escape can make it: such text has no UTF-8. */
  private static boolean isWellFormed(String text) {
    for (int place = 0; place < text.length(); place++) {
      char unit = text.charAt(place);
      if (Character.isHighSurrogate(unit) && place + 1 < text.length() && Character.isLowSurrogate(text.charAt(place + 1))) {
        place++;
      } else if (Character.isSurrogate(unit)) {
        return false;
      }
    }
    return true;
  }
}
