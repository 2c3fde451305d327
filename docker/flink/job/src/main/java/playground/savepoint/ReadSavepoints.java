package playground.savepoint;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonGenerator;

/**
 * Tells as JSON which savepoints there are in some directories, and whether a job can start from them. It reads them with
 * the code that Flink itself reads them with: nothing else knows what a savepoint of this version looks like.
 *
 * <p>It writes token by token, without Jackson's data binding, which takes longer to load than all savepoints to read.
 */
public final class ReadSavepoints {
  private ReadSavepoints() {}

  public static void main(String[] args) throws IOException, ClassNotFoundException {
    if (args.length == 0) {
      System.err.println("usage: read-savepoints DIRECTORY...");
      System.exit(2);
    }
    doWithoutLogging();
    write(args, System.out);
  }

  /**
   * Flink's classes want to log. Starting Log4j would double the time that all this takes; and without, SLF4J complains
   * when the first of them is loaded.
   */
  private static void doWithoutLogging() throws ClassNotFoundException {
    PrintStream errors = System.err;
    System.setErr(new PrintStream(OutputStream.nullOutputStream()));
    Class.forName(Checkpoints.class.getName());
    System.setErr(errors);
  }

  static void write(String[] directories, PrintStream out) throws IOException {
    List<Savepoint> savepoints = new ArrayList<>();
    for (String directory : directories) {
      SavepointFolder.in(local(directory)).forEach(folder -> savepoints.add(folder.read()));
    }
    try (JsonGenerator json = new JsonFactory().createGenerator(out)) {
      json.useDefaultPrettyPrinter().writeStartArray();
      for (Savepoint savepoint : savepoints) {
        write(savepoint, json);
      }
      json.writeEndArray();
      json.writeRaw('\n');
    }
  }

  /** A directory may be named as Flink does it, too: {@code file:/flink-data/savepoints}. */
  private static Path local(String directory) {
    return Path.of(new org.apache.flink.core.fs.Path(directory).getPath());
  }

  private static void write(Savepoint savepoint, JsonGenerator json) throws IOException {
    json.writeStartObject();
    json.writeStringField("path", savepoint.path());
    json.writeStringField("job", savepoint.job());
    json.writeFieldName("time_ms");
    if (savepoint.timeMs() == null) {
      json.writeNull();
    } else {
      json.writeNumber(savepoint.timeMs());
    }
    json.writeNumberField("size_bytes", savepoint.sizeBytes());
    json.writeBooleanField("readable", savepoint.readable());
    json.writeStringField("problem", savepoint.problem());
    json.writeArrayFieldStart("operators");
    for (OperatorState operator : savepoint.operators()) {
      write(operator, json);
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void write(OperatorState operator, JsonGenerator json) throws IOException {
    json.writeStartObject();
    json.writeStringField("id", operator.getOperatorID().toHexString());
    json.writeStringField("uid", operator.getOperatorUid().orElse(null));
    json.writeStringField("name", operator.getOperatorName().orElse(null));
    json.writeNumberField("parallelism", operator.getParallelism());
    json.writeNumberField("max_parallelism", operator.getMaxParallelism());
    json.writeEndObject();
  }
}
