package playground;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.MalformedURLException;
import java.net.URI;
import java.security.CodeSigner;
import java.security.CodeSource;
import java.util.Map;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.util.ParameterTool;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GlobalParametersTest {
  @Test
  void theOptionsAndTheJar() {
    var config = new ExecutionConfig();
    GlobalParameters.publish(config, JobOptions.parse("--event-time"), Test.class);
    assertThat(config.getGlobalJobParameters().toMap())
        .containsAllEntriesOf(JobOptions.parse("--event-time").asParameters().toMap())
        .hasEntrySatisfying("jar", jar -> assertThat(jar).matches("junit-jupiter-api-.*\\.jar"));
  }

  @Test
  void whatWasThereStaysBeneath() {
    var config = new ExecutionConfig();
    config.setGlobalJobParameters(ParameterTool.fromMap(Map.of("run", "17", "event-time", "perhaps")));
    GlobalParameters.publish(config, JobOptions.parse(), ClickEventCount.class);
    assertThat(config.getGlobalJobParameters().toMap()).containsEntry("run", "17").containsEntry("event-time", "false");
  }

  @ParameterizedTest
  @CsvSource({
    "file:/flink-data/uploads/flink-web-upload/4f6a_click-event-count-0123.jar, 4f6a_click-event-count-0123.jar",
    "file:/opt/my%20jobs/my%20job.jar, my job.jar",
    "file:/build/target/classes/, ''",
  })
  void aJarIsKnownByItsFileName(URI location, String name) throws MalformedURLException {
    assertThat(GlobalParameters.jar(new CodeSource(location.toURL(), (CodeSigner[]) null))).isEqualTo(name);
  }

  @Test
  void whatHasNoPlaceHasNoJar() {
    assertThat(GlobalParameters.jar(null)).isEmpty();
    assertThat(GlobalParameters.jar(new CodeSource(null, (CodeSigner[]) null))).isEmpty();
  }
}
