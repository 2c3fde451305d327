package playground;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.formats.json.JsonSerializationSchema;

/** Writes {@link ClickEventStatistics} as JSON. It names its type, which the sink asks for and could not see otherwise. */
public class ClickEventStatisticsSerializer extends JsonSerializationSchema<ClickEventStatistics>
    implements ResultTypeQueryable<ClickEventStatistics> {
  private static final long serialVersionUID = 1L;

  @Override
  public TypeInformation<ClickEventStatistics> getProducedType() {
    return TypeInformation.of(ClickEventStatistics.class);
  }
}
