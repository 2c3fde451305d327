package playground.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.flink.streaming.api.functions.source.legacy.SourceFunction;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
@SuppressWarnings("deprecation")
class SocketLinesTest {
  @Test
  void aBrokenConnectionIsMadeAnewAndHalfALineIsNone() throws Exception {
    try (ServerSocket server = server(0);
        Running lines = new Running(server.getLocalPort())) {
      send(server, "a 1 0\nb 2 0\nc 3");
      send(server, "d 4 0\n");
      assertThat(lines.next()).isEqualTo("a 1 0");
      assertThat(lines.next()).isEqualTo("b 2 0");
      assertThat(lines.next()).isEqualTo("d 4 0");
    }
  }

  @Test
  void whoIsNotThereYetIsWaitedFor() throws Exception {
    int port;
    try (ServerSocket server = server(0)) {
      port = server.getLocalPort();
    }
    try (Running lines = new Running(port)) {
      Thread.sleep(300);
      try (ServerSocket server = server(port)) {
        send(server, "a 1 0\n");
        assertThat(lines.next()).isEqualTo("a 1 0");
      }
    }
  }

  @Test
  void cancellationEndsASilentConnection() throws Exception {
    try (ServerSocket server = server(0)) {
      Running lines = new Running(server.getLocalPort());
      try (Socket silent = server.accept()) {
        lines.close();
        assertThat(silent.getInputStream().read()).isEqualTo(-1);
      }
    }
  }

  private static ServerSocket server(int port) throws IOException {
    return new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
  }

  /** Sends this to whoever connects, and closes the connection. */
  private static void send(ServerSocket server, String text) throws IOException {
    try (Socket socket = server.accept()) {
      socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
    }
  }

  /** The source in a thread of its own, which has ended when this is closed. */
  private static final class Running implements SourceFunction.SourceContext<String>, AutoCloseable {
    private final SocketLines lines;
    private final Thread thread;
    private final BlockingQueue<String> collected = new LinkedBlockingQueue<>();

    Running(int port) {
      lines = new SocketLines(InetAddress.getLoopbackAddress().getHostAddress(), port);
      thread = new Thread(this::run);
      thread.start();
    }

    private void run() {
      try {
        lines.run(this);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
    }

    String next() throws InterruptedException {
      return collected.poll(30, TimeUnit.SECONDS);
    }

    @Override
    public void collect(String line) {
      assertThat(Thread.holdsLock(this)).isTrue();
      collected.add(line);
    }

    @Override
    public Object getCheckpointLock() {
      return this;
    }

    @Override
    public void collectWithTimestamp(String line, long timestamp) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void emitWatermark(Watermark mark) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void markAsTemporarilyIdle() {
      throw new UnsupportedOperationException();
    }

    /** Part of the interface, and of {@link AutoCloseable}. */
    @Override
    public void close() {
      lines.cancel();
      try {
        thread.join(30_000);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
      assertThat(thread.isAlive()).isFalse();
    }
  }
}
