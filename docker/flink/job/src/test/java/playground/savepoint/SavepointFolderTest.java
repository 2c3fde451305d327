package playground.savepoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.filesystem.RelativeFileStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SavepointFolderTest {
  @TempDir private Path directory;
  private Path folder;

  @BeforeEach
  void folder() throws IOException {
    folder = Files.createDirectory(directory.resolve("savepoint-0a1b2c-0123456789ab"));
  }

  @Test
  void aSavepointWithItsStateInFiles() throws IOException {
    SampleSavepoint.write(folder, inFolder("keyed", 5000), inFolder("operator", 300));
    Files.setLastModifiedTime(folder.resolve("_metadata"), FileTime.fromMillis(1604280262000L));

    Savepoint savepoint = read();

    assertThat(savepoint.problem()).isNull();
    assertThat(savepoint.readable()).isTrue();
    assertThat(savepoint.path()).isEqualTo("file:" + folder);
    assertThat(savepoint.job()).isEqualTo("0a1b2c");
    assertThat(savepoint.timeMs()).isEqualTo(1604280262000L);
    assertThat(savepoint.sizeBytes()).isEqualTo(5300 + Files.size(folder.resolve("_metadata")));
    assertThat(savepoint.operators()).hasSize(1);
    OperatorState operator = savepoint.operators().get(0);
    assertThat(operator.getOperatorID()).isEqualTo(SampleSavepoint.OPERATOR);
    assertThat(operator.getOperatorName()).contains("Counter");
    assertThat(operator.getOperatorUid()).contains("counter");
    assertThat(operator.getParallelism()).isEqualTo(2);
    assertThat(operator.getMaxParallelism()).isEqualTo(128);
  }

  @Test
  void aSavepointMayBeMoved() throws IOException {
    SampleSavepoint.write(folder, inFolder("keyed", 5000), inMemory());
    folder = Files.move(folder, directory.resolve("before the upgrade"));
    assertThat(read().problem()).isNull();
    assertThat(read().job()).isNull();
  }

  @Test
  void aFileThatIsMissingOrOfAnotherSize() throws IOException {
    SampleSavepoint.write(folder, inMemory(), inFolder("operator", 300));
    Files.write(folder.resolve("operator"), new byte[299]);
    assertThat(read().problem()).isEqualTo("the state file operator has 299 bytes instead of 300");
    Files.delete(folder.resolve("operator"));
    assertThat(read().problem()).isEqualTo("the state file operator is missing");
    assertThat(read().operators()).hasSize(1);
  }

  @Test
  void aFileOutsideOfTheFolderIsMissedToo() throws IOException {
    var elsewhere = new FileStateHandle(new org.apache.flink.core.fs.Path(directory.resolve("keyed").toUri()), 5000);
    SampleSavepoint.write(folder, elsewhere, inMemory());
    assertThat(read().problem()).isEqualTo("the state file keyed is missing");
    Files.write(directory.resolve("keyed"), new byte[5000]);
    assertThat(read().problem()).isNull();
  }

  @Test
  void aFileWhereNoFileSystemLeads() throws IOException {
    var elsewhere = new FileStateHandle(new org.apache.flink.core.fs.Path("s3://bucket/keyed"), 5000);
    SampleSavepoint.write(folder, elsewhere, inMemory());
    assertThat(read().problem()).startsWith("it cannot be read: ").contains("'s3'");
  }

  @Test
  void withoutMetadataItWasNeverCompleted() throws IOException {
    Files.write(folder.resolve("keyed"), new byte[5000]);
    assertThat(read()).isEqualTo(
        new Savepoint("file:" + folder, "0a1b2c", null, 5000, "_metadata is missing", List.of()));
  }

  @Test
  void whatIsNoMetadata() throws IOException {
    Files.writeString(folder.resolve("_metadata"), "not what it says that it is");
    assertThat(read().problem()).isEqualTo("_metadata is damaged: Unexpected magic number");
  }

  @Test
  void metadataCutOffAnywhere() throws IOException {
    SampleSavepoint.write(folder, inFolder("keyed", 5000), inMemory());
    byte[] whole = Files.readAllBytes(folder.resolve("_metadata"));
    for (int length = 0; length < whole.length; length++) {
      Files.write(folder.resolve("_metadata"), Arrays.copyOf(whole, length));
      assertThat(read().problem()).as("cut off at %d", length).startsWith("_metadata is damaged: ");
      assertThat(read().timeMs()).isPositive();
    }
  }

  /** Not every wrong byte can be noticed. */
  @Test
  void whateverIsInTheMetadataReadingItEnds() throws IOException {
    SampleSavepoint.write(folder, inFolder("keyed", 5000), inMemory());
    byte[] whole = Files.readAllBytes(folder.resolve("_metadata"));
    for (int place = 0; place < whole.length; place++) {
      byte[] damaged = whole.clone();
      damaged[place] ^= (byte) 0xff;
      Files.write(folder.resolve("_metadata"), damaged);
      assertThat(read().path()).isEqualTo("file:" + folder);
    }
  }

  @Test
  void whatIsNotThere() {
    Path nowhere = directory.resolve("nowhere");
    assertThat(new SavepointFolder(nowhere).read())
        .isEqualTo(new Savepoint("file:" + nowhere, null, null, 0, "there is no such directory", List.of()));
  }

  @ParameterizedTest
  @CsvSource({"savepoint-ABCDEF-1, ABCDEF", "savepoint-abcde-1,", "savepoint-abcdef,", "savepoint-,"})
  void theNameTellsTheJob(String name, String job) {
    assertThat(new SavepointFolder(directory.resolve(name)).read().job()).isEqualTo(job);
  }

  @Test
  void aDirectoryHasManyAndASavepointIsOne() throws IOException {
    Path other = Files.createDirectory(directory.resolve("savepoint-ffffff-0"));
    Files.createDirectory(directory.resolve("backup"));
    Files.createFile(directory.resolve("savepoint-notes"));
    assertThat(paths(directory)).containsExactly("file:" + folder, "file:" + other);
    assertThat(paths(other)).containsExactly("file:" + other);
    Path copy = Files.createDirectory(directory.resolve("copy"));
    assertThat(paths(copy)).isEmpty();
    SampleSavepoint.write(copy, inMemory(), inMemory());
    assertThat(paths(copy)).containsExactly("file:" + copy);
  }

  private static List<String> paths(Path directory) throws IOException {
    return SavepointFolder.in(directory).stream().map(folder -> folder.read().path()).toList();
  }

  private Savepoint read() {
    return new SavepointFolder(folder).read();
  }

  /** State as Flink's savepoints have it: the folder can be moved with all that is in it. */
  private StreamStateHandle inFolder(String name, int bytes) throws IOException {
    Path file = Files.write(folder.resolve(name), new byte[bytes]);
    return new RelativeFileStateHandle(new org.apache.flink.core.fs.Path(file.toUri()), name, bytes);
  }

  private static StreamStateHandle inMemory() {
    return new ByteStreamStateHandle("small", new byte[] {1, 2, 3});
  }
}
