import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.trace.Tracer;

/**
 * Ends spans at a rate; the Java agent that the program is started with sends them.
 *
 * <p>Arguments: spans a second, seconds. Prints one line of JSON: spans ended. What the agent's full
 * queue drops cannot be told from here, so the rate has to be one that it bears.
 */
public final class Load {
  public static void main(String[] arguments) throws InterruptedException {
    double rate = Double.parseDouble(arguments[0]);
    double seconds = Double.parseDouble(arguments[1]);
    Tracer tracer = GlobalOpenTelemetry.getTracer("load");
    long began = System.nanoTime();
    long ended = 0;
    for (double passed = 0; passed < seconds; passed = (System.nanoTime() - began) / 1e9) {
      for (; ended < passed * rate; ended++) {
        tracer.spanBuilder("work").setAttribute("number", ended).startSpan().end();
      }
      Thread.sleep(10);
    }
    System.out.println("{\"ended\": " + ended + ", \"sent\": " + ended + "}");
  }
}
