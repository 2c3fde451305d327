package playground.savepoint;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.state.filesystem.AbstractFsCheckpointStorageAccess;

/**
 * A folder with a savepoint in it, or what is left of one. Whatever is wrong with a savepoint is told in its
 * {@link Savepoint#problem()}: the others shall still be read.
 */
final class SavepointFolder {
  private static final String PREFIX = "savepoint-";

  /** Flink gives a folder the first six digits of the job's id, and random ones so that each is new. */
  private static final Pattern NAME = Pattern.compile(PREFIX + "(\\p{XDigit}{6})-.+");

  private final Path folder;
  private final Path metadata;

  SavepointFolder(Path folder) {
    this.folder = folder.toAbsolutePath().normalize();
    this.metadata = this.folder.resolve(AbstractFsCheckpointStorageAccess.METADATA_FILE_NAME);
  }

  /** The savepoints in a directory by name; or the one that the directory itself is. */
  static List<SavepointFolder> in(Path directory) throws IOException {
    var itself = new SavepointFolder(directory);
    if (itself.isNamedLikeOne() || Files.exists(itself.metadata) || !Files.isDirectory(directory)) {
      return List.of(itself);
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries
          .filter(Files::isDirectory)
          .sorted()
          .map(SavepointFolder::new)
          .filter(SavepointFolder::isNamedLikeOne)
          .toList();
    }
  }

  Savepoint read() {
    Long time = null;
    long size = 0;
    List<OperatorState> operators = List.of();
    String problem;
    try {
      size = size();
      time = Files.getLastModifiedTime(metadata).toMillis();
      operators = operators();
      problem = StateFiles.problem(operators);
    } catch (NoSuchFileException missing) {
      problem = Files.isDirectory(folder) ? "_metadata is missing" : "there is no such directory";
    } catch (Damage damage) {
      problem = "_metadata is damaged: " + damage.getMessage();
    } catch (IOException | UncheckedIOException unreadable) {
      problem = "it cannot be read: " + unreadable.getMessage();
    }
    return new Savepoint(path(), job(), time, size, problem, operators);
  }

  private boolean isNamedLikeOne() {
    return name().startsWith(PREFIX);
  }

  private String name() {
    return String.valueOf(folder.getFileName());
  }

  private String path() {
    return new org.apache.flink.core.fs.Path("file", null, folder.toString()).toString();
  }

  private String job() {
    Matcher name = NAME.matcher(name());
    return name.matches() ? name.group(1) : null;
  }

  private long size() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
    }
  }

  private List<OperatorState> operators() throws IOException, Damage {
    try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(metadata)))) {
      return List.copyOf(
          Checkpoints.loadCheckpointMetadata(in, getClass().getClassLoader(), path()).getOperatorStates());
    } catch (NoSuchFileException missing) {
      throw missing;
    } catch (IOException | RuntimeException | OutOfMemoryError damage) {
      // Flink trusts what it reads: where there is nonsense it may as well find no class, or ask for an array of 2 GB.
      throw new Damage(damage);
    }
  }

  /** What Flink could make nothing of. */
  private static final class Damage extends Exception {
    private static final long serialVersionUID = 1L;

    Damage(Throwable cause) {
      super(describe(cause), cause);
    }

    private static String describe(Throwable cause) {
      if (cause instanceof EOFException) {
        return "it ends too early";
      }
      String message = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
      // The first sentence: Flink goes on with what may have been the reason.
      return message.split("\\. |\\R", 2)[0];
    }
  }
}
