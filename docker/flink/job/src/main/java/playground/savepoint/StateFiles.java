package playground.savepoint;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.Collection;
import java.util.stream.Stream;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.StateObject;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;

/** The files in which a savepoint keeps the state that is too large for {@code _metadata}. */
final class StateFiles {
  private StateFiles() {}

  /** What is wrong with the first file that is not as the savepoint has it; null when all are. */
  static String problem(Collection<OperatorState> operators) throws IOException {
    for (FileStateHandle file : (Iterable<FileStateHandle>) of(operators)::iterator) {
      String problem = problem(file);
      if (problem != null) {
        return problem;
      }
    }
    return null;
  }

  private static String problem(FileStateHandle file) throws IOException {
    Path path = file.getFilePath();
    long expected = file.getStateSize();
    try {
      long length = path.getFileSystem().getFileStatus(path).getLen();
      return length == expected
          ? null
          : "the state file " + path.getName() + " has " + length + " bytes instead of " + expected;
    } catch (FileNotFoundException missing) {
      return "the state file " + path.getName() + " is missing";
    }
  }

  private static Stream<FileStateHandle> of(Collection<OperatorState> operators) {
    return operators.stream().flatMap(operator -> operator.getStates().stream()).flatMap(StateFiles::of);
  }

  /** Without the state of channels, which is in checkpoints only. */
  private static Stream<FileStateHandle> of(OperatorSubtaskState subtask) {
    return Stream.of(
            subtask.getManagedKeyedState(),
            subtask.getRawKeyedState(),
            subtask.getManagedOperatorState(),
            subtask.getRawOperatorState())
        .flatMap(Collection::stream)
        .flatMap(StateFiles::of);
  }

  /** Handles lie within one another like Russian dolls. What is left in the end and is no file, is in memory. */
  private static Stream<FileStateHandle> of(StateObject state) {
    if (state instanceof FileStateHandle file) {
      return Stream.of(file);
    } else if (state instanceof KeyGroupsStateHandle keyed) {
      return of(keyed.getDelegateStateHandle());
    } else if (state instanceof OperatorStateHandle operator) {
      return of(operator.getDelegateStateHandle());
    } else if (state instanceof IncrementalRemoteKeyedStateHandle incremental) {
      return incremental.streamSubHandles().flatMap(StateFiles::of);
    }
    return Stream.empty();
  }
}
