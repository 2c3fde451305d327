package playground;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.stream.Stream;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JobOptionsTest {
  @Test
  void everythingHasADefault() {
    assertThat(JobOptions.parse())
        .isEqualTo(
            new JobOptions(
                "kafka:9092",
                "input",
                "output",
                "click-event-count",
                false,
                Duration.ofSeconds(1),
                false,
                false,
                false,
                0,
                DeliveryGuarantee.AT_LEAST_ONCE));
  }

  @Test
  void everythingCanBeGiven() {
    assertThat(
            JobOptions.parse(
                "--bootstrap.servers", "broker:1",
                "--input-topic", "in",
                "--output-topic", "out",
                "--group", "counters",
                "--checkpointing",
                "--checkpoint-interval", "250",
                "--event-time", "true",
                "--backpressure",
                "--fail-on-start",
                "--state-keys", "1000",
                "--delivery", "exactly-once"))
        .isEqualTo(
            new JobOptions(
                "broker:1",
                "in",
                "out",
                "counters",
                true,
                Duration.ofMillis(250),
                true,
                true,
                true,
                1000,
                DeliveryGuarantee.EXACTLY_ONCE));
  }

  @Test
  void aFlagCanBeSwitchedOff() {
    assertThat(JobOptions.parse("--checkpointing", "false").checkpointing()).isFalse();
  }

  @Test
  void itsParametersAreWhatItWouldBeGivenForTheSame() {
    JobOptions options = JobOptions.parse("--event-time", "--state-keys", "7", "--delivery", "at-least-once");
    String[] args =
        options.asParameters().toMap().entrySet().stream()
            .flatMap(entry -> Stream.of("--" + entry.getKey(), entry.getValue()))
            .toArray(String[]::new);
    assertThat(JobOptions.parse(args)).isEqualTo(options);
  }

  @ParameterizedTest
  @CsvSource({
    "--event-tim, event-tim",
    "--checkpointing maybe, --checkpointing maybe",
    "--checkpoint-interval 0, 1 or more",
    "--checkpoint-interval 1s, 1 or more",
    "--checkpoint-interval, --checkpoint-interval takes a whole number",
    "--state-keys -1, --state-keys takes a whole number",
    "--state-keys 12345678901234567890, --state-keys takes a whole number",
    "--delivery twice, at-least-once or exactly-once",
    "--delivery none, at-least-once or exactly-once",
    "--delivery exactly-once, needs --checkpointing",
  })
  void whatItDoesNotKnowIsAnError(String args, String message) {
    assertThatThrownBy(() -> JobOptions.parse(args.split(" ")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }
}
