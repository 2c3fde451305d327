package playground;

import java.io.IOException;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.metrics.Counter;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.DeserializationFeature;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.MapperFeature;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectReader;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.json.JsonMapper;

/**
 * Reads a {@link ClickEvent} from JSON. Unknown fields are ignored.
 *
 * <p>A record that is no click is skipped and counted in the metric {@value #MALFORMED}: it will not become a click by
 * reading it again, so failing would stop the job for good.
 */
public class ClickEventDeserializer extends AbstractDeserializationSchema<ClickEvent> {
  static final String MALFORMED = "malformedRecords";

  private static final long serialVersionUID = 1L;

  private transient ObjectReader reader;
  private transient Counter malformed;

  @Override
  public void open(InitializationContext context) {
    reader =
        JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            // As strict as the ledger of the playground, or the two would not count the same records.
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .build()
            .readerFor(ClickEvent.class);
    malformed = context.getMetricGroup().counter(MALFORMED);
  }

  /** Returns null, which Flink skips, for what is no click. */
  @Override
  public ClickEvent deserialize(byte[] message) {
    // A null message is a tombstone; and for nothing but white space, Jackson itself returns null.
    ClickEvent click = null;
    if (message != null) {
      try {
        click = reader.readValue(message);
      } catch (IOException notAClick) {
        // Counted below.
      }
    }
    if (click == null) {
      malformed.inc();
    }
    return click;
  }
}
