package playground;

import org.apache.flink.formats.json.JsonSerializationSchema;

/** Writes {@link ClickEventStatistics} as JSON. A class of its own, because Flink cannot see a type argument otherwise. */
public class ClickEventStatisticsSerializer extends JsonSerializationSchema<ClickEventStatistics> {
  private static final long serialVersionUID = 1L;
}
