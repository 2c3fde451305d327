package playground.savepoint;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.state.KeyGroupRangeOffsets;
import org.apache.flink.runtime.state.KeyGroupsSavepointStateHandle;
import org.apache.flink.runtime.state.OperatorStreamStateHandle;
import org.apache.flink.runtime.state.StreamStateHandle;

/** Savepoints written by Flink itself: of one operator, which is two subtasks, which each have a kind of state. */
final class SampleSavepoint {
  static final OperatorID OPERATOR = new OperatorID(1, 2);

  private SampleSavepoint() {}

  static void write(Path folder, StreamStateHandle keyed, StreamStateHandle operator) throws IOException {
    var state = new OperatorState("Counter", "counter", OPERATOR, 2, 128);
    state.putState(
        0,
        OperatorSubtaskState.builder()
            .setManagedKeyedState(new KeyGroupsSavepointStateHandle(new KeyGroupRangeOffsets(0, 63), keyed))
            .build());
    state.putState(
        1,
        OperatorSubtaskState.builder()
            .setManagedOperatorState(new OperatorStreamStateHandle(Map.of(), operator))
            .build());
    try (OutputStream out = Files.newOutputStream(folder.resolve("_metadata"))) {
      Checkpoints.storeCheckpointMetadata(new CheckpointMetadata(7, List.of(state), List.of()), out);
    }
  }
}
