package playground;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
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
import org.junit.jupiter.params.provider.MethodSource;

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

  /** The ledger of the playground reads the same table: one set of records, whoever reads them. */
  @ParameterizedTest
  @MethodSource("table")
  void whatIsAClickIsSaidInTheTable(String line) {
    String[] fields = line.split("\t", -1);
    ClickEvent click = deserializer.deserialize(bytes(fields[1]));
    assertThat(click == null ? "-" : click.timestamp() + " " + click.page())
        .isEqualTo(new String(bytes(fields[0]), UTF_8));
    assertThat(malformed.getCount()).isEqualTo(click == null ? 1 : 0);
  }

  static Stream<String> table() throws IOException {
    try (var table = ClickEventDeserializerTest.class.getResourceAsStream("/clicks.tsv")) {
      return new String(table.readAllBytes(), UTF_8).lines().filter(line -> !line.isEmpty() && !line.startsWith("#"));
    }
  }

  /** A byte that a line of text cannot hold is written as % and its two digits. */
  private static byte[] bytes(String text) {
    var bytes = new ByteArrayOutputStream();
    byte[] encoded = text.getBytes(UTF_8);
    for (int place = 0; place < encoded.length; place++) {
      if (encoded[place] == '%') {
        bytes.write(Integer.parseInt(new String(encoded, place + 1, 2, UTF_8), 16));
        place += 2;
      } else {
        bytes.write(encoded[place]);
      }
    }
    return bytes.toByteArray();
  }

  @Test
  void aTombstoneIsNoClick() {
    assertThat(deserializer.deserialize(null)).isNull();
    assertThat(malformed.getCount()).isOne();
  }

  /** What is skipped may be longer and deeper than a mapper would allow. */
  @Test
  void whatIsSkippedIsNotLimited() {
    String[] skipped = {
      "\"x\":" + "1".repeat(2000),
      "\"x\":" + "[".repeat(2000) + "]".repeat(2000),
      "\"x\":\"" + "x".repeat(100_000) + "\"",
      "\"" + "x".repeat(100_000) + "\":1",
    };
    for (String field : skipped) {
      assertThat(clickWith(field)).isEqualTo(new ClickEvent(15, "/shop"));
    }
  }

  /** A parser that remembers names would refuse the first record, and throw at one of the others. */
  @Test
  void namesAreNotRemembered() {
    // AB and B! have one hash in it, and so have all names that are made of as many of them.
    String ofOneHash =
        IntStream.range(0, 512)
            .mapToObj(name -> Integer.toBinaryString(512 + name).substring(1).replace("0", "AB").replace("1", "B!"))
            .map(name -> '"' + name + "\":1")
            .collect(Collectors.joining(","));
    assertThat(clickWith(ofOneHash)).isEqualTo(new ClickEvent(15, "/shop"));
    for (int name = 0; name < 1000; name++) {
      assertThat(clickWith("\"x" + name + "\":1")).isEqualTo(new ClickEvent(15, "/shop"));
    }
  }

  private ClickEvent clickWith(String field) {
    return deserializer.deserialize(("{\"timestamp\":15," + field + ",\"page\":\"/shop\"}").getBytes(UTF_8));
  }

  @Test
  void goesOnAfterwards() {
    deserializer.deserialize("{{{".getBytes(UTF_8));
    assertThat(deserializer.deserialize("{\"timestamp\":1,\"page\":\"/\"}".getBytes(UTF_8)))
        .isEqualTo(new ClickEvent(1, "/"));
  }
}
