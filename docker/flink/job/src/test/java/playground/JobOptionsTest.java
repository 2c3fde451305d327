package playground;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
                "kafka:9092", "input", "output", "click-event-count", false, false, false, DeliveryGuarantee.AT_LEAST_ONCE));
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
                "--event-time", "true",
                "--backpressure",
                "--delivery", "exactly-once"))
        .isEqualTo(
            new JobOptions("broker:1", "in", "out", "counters", true, true, true, DeliveryGuarantee.EXACTLY_ONCE));
  }

  @Test
  void aFlagCanBeSwitchedOff() {
    assertThat(JobOptions.parse("--checkpointing", "false").checkpointing()).isFalse();
  }

  @Test
  void itsParametersAreWhatItWouldBeGivenForTheSame() {
    JobOptions options = JobOptions.parse("--event-time", "--delivery", "at-least-once");
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
