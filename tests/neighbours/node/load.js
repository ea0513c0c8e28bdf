'use strict';
// Sends spans at a rate through the SDK's batch processor, as an application does.
//
//     load.js grpc|http HOST:PORT SPANS_PER_SECOND SECONDS
//
// Prints one line of JSON: spans ended, and spans that the processor gave to the exporter.

const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchSpanProcessor, TracerProvider } = require('@opentelemetry/sdk-trace');

const TICK = 10;

const [protocol, endpoint, rate, seconds] = process.argv.slice(2);

function exporter() {
  const kind = protocol === 'grpc' ? 'grpc' : 'proto';
  const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind}`);
  const url = protocol === 'grpc' ? `http://${endpoint}` : `http://${endpoint}/v1/traces`;
  return new OTLPTraceExporter({ url });
}

// What the processor's full queue has dropped was never sent.
let sent = 0;
const inner = exporter();
const counting = {
  export(spans, done) {
    sent += spans.length;
    inner.export(spans, (result) => {
      if (result.code !== 0) console.error(`node: ${spans.length} spans failed: ${result.error}`);
      done(result);
    });
  },
  forceFlush: () => (inner.forceFlush ? inner.forceFlush() : Promise.resolve()),
  shutdown: () => inner.shutdown(),
};
const provider = new TracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'load' }),
  spanProcessors: [new BatchSpanProcessor({ exporter: counting })],
});
const tracer = provider.getTracer('load');

let ended = 0;
const began = Date.now();
const timer = setInterval(async () => {
  const passed = (Date.now() - began) / 1000;
  for (; ended < passed * Number(rate); ended += 1) {
    tracer.startSpan('work', { attributes: { number: ended, route: '/cart' } }).end();
  }
  if (passed >= Number(seconds)) {
    clearInterval(timer);
    await provider.forceFlush().catch(() => {});
    await provider.shutdown().catch(() => {});
    console.log(JSON.stringify({ ended, sent }));
  }
}, TICK);
