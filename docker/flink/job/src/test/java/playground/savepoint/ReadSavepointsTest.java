package playground.savepoint;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.json.JsonMapper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadSavepointsTest {
  @TempDir private Path directory;

  @Test
  void nothingThereIsAnEmptyList() throws IOException {
    assertThat(json(directory.toString())).isEqualTo("[ ]\n");
  }

  @Test
  void allThatIsKnownOfEach() throws IOException {
    Path good = Files.createDirectory(directory.resolve("savepoint-0a1b2c-0123456789ab"));
    var small = new ByteStreamStateHandle("small", new byte[] {1, 2, 3});
    SampleSavepoint.write(good, small, small);
    Files.setLastModifiedTime(good.resolve("_metadata"), FileTime.fromMillis(1604280262000L));

    String expected =
        """
        [{
          "path": "file:%1$s/savepoint-0a1b2c-0123456789ab",
          "job": "0a1b2c",
          "time_ms": 1604280262000,
          "size_bytes": %2$d,
          "readable": true,
          "problem": null,
          "operators": [{
            "id": "00000000000000010000000000000002",
            "uid": "counter",
            "name": "Counter",
            "parallelism": 2,
            "max_parallelism": 128
          }]
        }, {
          "path": "file:%1$s/nowhere",
          "job": null,
          "time_ms": null,
          "size_bytes": 0,
          "readable": false,
          "problem": "there is no such directory",
          "operators": []
        }]
        """
            .formatted(directory, Files.size(good.resolve("_metadata")));
    var mapper = new JsonMapper();
    assertThat(mapper.readTree(json("file:" + directory, directory + "/nowhere"))).isEqualTo(mapper.readTree(expected));
  }

  private static String json(String... directories) throws IOException {
    var out = new ByteArrayOutputStream();
    ReadSavepoints.write(directories, new PrintStream(out, true, UTF_8));
    return out.toString(UTF_8);
  }
}
