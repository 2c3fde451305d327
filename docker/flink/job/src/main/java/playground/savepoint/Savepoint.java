package playground.savepoint;

import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorState;

/**
 * A savepoint as it lies on disk.
 *
 * @param path as Flink names it
 * @param job the beginning of the id of the job that made it, which the folder's name tells; or null
 * @param timeMs when it was completed, in milliseconds since the epoch; or null when it was not
 * @param sizeBytes of all its files
 * @param problem why no job can start from it, in a sentence; or null when one can
 * @param operators whose state is in it, as far as that can be read
 */
record Savepoint(
    String path, String job, Long timeMs, long sizeBytes, String problem, List<OperatorState> operators) {

  boolean readable() {
    return problem == null;
  }
}
