package playground;

import java.net.URI;
import java.security.CodeSource;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.util.ParameterTool;

/**
 * What a running job tells about itself: its options, and under {@value #JAR} the jar that it came from. The web UI shows
 * it, and the playground reads from it whether a job runs as it was asked for, and what to run to have the same job again.
 */
final class GlobalParameters {
  static final String JAR = "jar";

  private GlobalParameters() {}

  /** Whoever submits a job can give it parameters, too. They stay, unless they claim what is the job's to say. */
  static void publish(ExecutionConfig config, JobOptions options, Class<?> main) {
    Map<String, String> parameters = new HashMap<>(config.getGlobalJobParameters().toMap());
    parameters.putAll(options.asParameters().toMap());
    parameters.put(JAR, jar(main.getProtectionDomain().getCodeSource()));
    config.setGlobalJobParameters(ParameterTool.fromMap(parameters));
  }

  /** The jar's file name, which for a jar that was uploaded is its id in the REST API; empty when there is no jar. */
  static String jar(CodeSource source) {
    String path = source == null || source.getLocation() == null ? null : URI.create(source.getLocation().toString()).getPath();
    // A directory of classes ends with a slash.
    return path == null ? "" : path.substring(path.lastIndexOf('/') + 1);
  }
}
