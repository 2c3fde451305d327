package playground;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.util.SimpleUserCodeClassLoader;
import org.apache.flink.util.UserCodeClassLoader;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClickEventDeserializerTest {
  private final Counter malformed = new SimpleCounter();
  private final ClickEventDeserializer deserializer = new ClickEventDeserializer();

  @BeforeEach
  void open() {
    deserializer.open(
        new DeserializationSchema.InitializationContext() {
          @Override
          public MetricGroup getMetricGroup() {
            return new UnregisteredMetricsGroup() {
              @Override
              public Counter counter(String name) {
                assertThat(name).isEqualTo(ClickEventDeserializer.MALFORMED);
                return malformed;
              }
            };
          }

          @Override
          public UserCodeClassLoader getUserCodeClassLoader() {
            return SimpleUserCodeClassLoader.create(getClass().getClassLoader());
          }
        });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"timestamp\":1604280262000,\"page\":\"/help\"}",
        "{\"page\":\"/help\",\"browser\":\"lynx\",\"timestamp\":1604280262000}",
      })
  void aClick(String json) {
    assertThat(deserializer.deserialize(json.getBytes(UTF_8))).isEqualTo(new ClickEvent(1604280262000L, "/help"));
    assertThat(malformed.getCount()).isZero();
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(
      strings = {
        "",
        " ",
        "null",
        "[]",
        "event-1 1.0 1604280262000",
        "{\"timestamp\":1604280262000}",
        "{\"page\":\"/help\"}",
        "{\"timestamp\":1604280262000,\"page\":null}",
        "{\"timestamp\":\"yesterday\",\"page\":\"/help\"}",
        "{\"timestamp\":\"1604280262000\",\"page\":\"/help\"}",
        "{\"timestamp\":1604280262000.5,\"page\":\"/help\"}",
        "{\"timestamp\":1604280262000,\"page\":\"/help\"} {}",
        "{\"timestamp\":1604280262000,\"page\":\"/he",
      })
  void whatIsNoClickIsSkippedAndCounted(String text) {
    assertThat(deserializer.deserialize(text == null ? null : text.getBytes(UTF_8))).isNull();
    assertThat(malformed.getCount()).isOne();
  }

  @Test
  void goesOnAfterwards() {
    deserializer.deserialize("{{{".getBytes(UTF_8));
    assertThat(deserializer.deserialize("{\"timestamp\":1,\"page\":\"/\"}".getBytes(UTF_8)))
        .isEqualTo(new ClickEvent(1, "/"));
  }
}
