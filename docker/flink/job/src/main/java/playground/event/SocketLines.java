package playground.event;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.apache.flink.streaming.api.datastream.DataStreamSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.source.legacy.SourceFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads lines from a socket, and connects anew whenever there is no connection, for as long as it takes. Flink's own does not
 * when it is refused, and takes what a broken connection has left of a line for a line.
 *
 * <p>A socket cannot be read again: a restore loses the lines that came after its checkpoint.
 *
 * <p>Flink has deprecated this kind of source, and uses it for sockets itself: there is nothing to split, and no position.
 */
@SuppressWarnings("deprecation")
class SocketLines implements SourceFunction<String> {
  private static final long serialVersionUID = 1L;
  private static final Logger LOG = LoggerFactory.getLogger(SocketLines.class);
  private static final int CONNECT_TIMEOUT_MS = 2000;
  private static final int PAUSE_MS = 200;

  private final String host;
  private final int port;

  private volatile boolean cancelled;
  private transient volatile Socket socket;

  SocketLines(String host, int port) {
    this.host = host;
    this.port = port;
  }

  static DataStreamSource<String> addTo(StreamExecutionEnvironment env, String host, int port) {
    return env.addSource(new SocketLines(host, port), "Lines");
  }

  @Override
  public void run(SourceContext<String> context) throws InterruptedException {
    String problem = "";
    while (!cancelled) {
      try (Socket opened = new Socket()) {
        socket = opened;
        opened.connect(new InetSocketAddress(host, port), CONNECT_TIMEOUT_MS);
        // Somebody who is gone without a word is noticed in the end.
        opened.setKeepAlive(true);
        LOG.info("connected to {}:{}", host, port);
        read(new BufferedReader(new InputStreamReader(opened.getInputStream(), StandardCharsets.UTF_8)), context);
        throw new IOException("the other side has closed the connection");
      } catch (IOException now) {
        if (!cancelled && !now.toString().equals(problem)) {
          problem = now.toString();
          LOG.warn("no connection to {}:{}, trying again: {}", host, port, problem);
        }
      }
      if (!cancelled) {
        Thread.sleep(PAUSE_MS);
      }
    }
  }

  private void read(Reader reader, SourceContext<String> context) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = reader.read(); next >= 0 && !cancelled; next = reader.read()) {
      if (next != '\n') {
        line.append((char) next);
        continue;
      }
      synchronized (context.getCheckpointLock()) {
        context.collect(line.toString());
      }
      line.setLength(0);
    }
  }

  @Override
  public void cancel() {
    cancelled = true;
    Socket open = socket;
    if (open != null) {
      try {
        open.close();
      } catch (IOException closed) {
        LOG.debug("closing the socket", closed);
      }
    }
  }
}
