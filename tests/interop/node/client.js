// Exports the same objects of the Node SDK twice: to the recorder and through the collector.
//
//     client.js SENT_GRPC SENT_HTTP [TRANSPORT/COMPRESSION=THROUGH]...
//
// All addresses are `host:port`. Exit code 1 if any export reports a failure.

'use strict';

const { context, createTraceState, diag, DiagConsoleLogger, DiagLogLevel, SpanKind,
  SpanStatusCode, trace, TraceFlags, ValueType } = require('@opentelemetry/api');
const { SeverityNumber } = require('@opentelemetry/api-logs');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchLogRecordProcessor, LoggerProvider } = require('@opentelemetry/sdk-logs');
const { AggregationTemporality, AggregationType, createAllowListAttributesProcessor, InstrumentType,
  MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
const { BatchSpanProcessor, TracerProvider } = require('@opentelemetry/sdk-trace');

const SIGNALS = [
  ['trace', 'OTLPTraceExporter', 'traces'],
  ['metrics', 'OTLPMetricExporter', 'metrics'],
  ['logs', 'OTLPLogExporter', 'logs'],
];
const PACKAGE_ENDING = { 'grpc': 'grpc', 'http-proto': 'proto', 'http-json': 'http' };
const SCHEMA = 'https://opentelemetry.io/schemas/1.30.0';
const RICH_SCOPE = { schemaUrl: SCHEMA, attributes: { 'scope.kind': 'rich', 'scope.n': 7 } };
const REMOTE = {
  traceId: '0102030405060708090a0b0c0d0e0f10',
  spanId: '00ff00ff00ff00ff',
  isRemote: true,
  traceFlags: TraceFlags.SAMPLED,
  traceState: createTraceState('vendor=opaque/value,other@tenant=1'),
};
const ATTRIBUTES = {
  'string': 'value',
  'string.empty': '',
  'string.unicode': 'snäp ☃ 🚀 \u0000 " \\ \n',
  'int': 42,
  'int.zero': 0,
  'int.max_safe': Number.MAX_SAFE_INTEGER,
  'int.min_safe': Number.MIN_SAFE_INTEGER,
  'int.large': 2 ** 60,
  'double': 0.1,
  'double.tiny': 5e-324,
  'double.exponent': 1.5e-7,
  'bool': true,
  'bool.false': false,
  'strings': ['a', '', 'ü'],
  'ints': [1, -1, 2 ** 33],
  'doubles': [0.5, -2.25],
  'bools': [true, false],
  'empty': [],
};
// This SDK writes them as `null` in JSON, so there they are left out.
const NON_FINITE = { 'double.nan': NaN, 'double.infinity': Infinity };
const NESTED = {
  ...ATTRIBUTES,
  'bytes': Uint8Array.from([0, 1, 254, 255]),
  'map': { inner: { deep: [1, 'two', 3.5, null, Uint8Array.from([255])] } },
  'mixed': [1, 'two', false, []],
};

async function main() {
  diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);
  const [sentGrpc, sentHttp, ...cases] = process.argv.slice(2);
  for (const one of cases) {
    const [form, through] = one.split('=');
    const [transport, compression] = form.split('/');
    const sent = transport === 'grpc' ? sentGrpc : sentHttp;
    const [spans, points, records] = SIGNALS.map((signal) => new Tee([
      exporter(transport, signal, sent, 'none'),
      exporter(transport, signal, through, compression),
    ]));
    const attributes = { 'service.name': 'interop', 'interop.case': `node/${form}`, ...ATTRIBUTES };
    if (transport !== 'http-json') {
      Object.assign(attributes, NON_FINITE);
    }
    const resource = resourceFromAttributes(attributes, { schemaUrl: SCHEMA });
    await traces(resource, spans);
    await metrics(resource, points);
    await logs(resource, records);
  }
}

function exporter(transport, [signal, name, path], address, compression) {
  const ending = PACKAGE_ENDING[transport];
  const Exporter = require(`@opentelemetry/exporter-${signal}-otlp-${ending}`)[name];
  const url = transport === 'grpc' ? `http://${address}` : `http://${address}/v1/${path}`;
  return new Exporter({ url, compression });
}

/** Gives the same batch to all its exporters; fits the interface of all three signals. */
class Tee {
  constructor(exporters) {
    this.exporters = exporters;
  }

  export(batch, done) {
    const one = (each) => new Promise((resolve) => each.export(batch, resolve));
    Promise.all(this.exporters.map(one)).then((results) => {
      const failed = results.find((result) => result.code !== 0);
      if (failed) {
        console.error(failed.error);
        process.exitCode = 1;
      }
      done(failed ?? results[0]);
    });
  }

  async forceFlush() {}

  async shutdown() {
    await Promise.all(this.exporters.map((each) => each.shutdown()));
  }

  selectAggregationTemporality(kind) {
    return kind === InstrumentType.COUNTER || kind === InstrumentType.HISTOGRAM
      ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
  }

  selectAggregation() {
    return { type: AggregationType.DEFAULT };
  }
}

// === What is exported ===

async function traces(resource, tee) {
  const provider = new TracerProvider({
    resource,
    spanLimits: { eventCountLimit: 3, linkCountLimit: 2, attributePerLinkCountLimit: 1 },
    spanProcessors: [new BatchSpanProcessor({ exporter: tee })],
  });
  const tracer = provider.getTracer('interop.first', '1.2.3', RICH_SCOPE);
  const other = provider.getTracer('interop.second', '0.0.1-beta+build');
  const upstream = trace.setSpanContext(context.active(), REMOTE);
  const links = [{ link: 'first', dropped: 1 }, {}, {}].map(
    (attributes) => ({ context: REMOTE, attributes }));
  const rich = { kind: SpanKind.SERVER, attributes: ATTRIBUTES, links };
  const server = tracer.startSpan('GET /ünïcode', rich, upstream);
  for (let n = 0; n < 4; n++) {
    server.addEvent(`event ${n}`, ATTRIBUTES, [1_700_000_000 + n, 123_456_789]);
  }
  server.setStatus({ code: SpanStatusCode.ERROR, message: 'it broke: ☃' });
  const inside = trace.setSpan(upstream, server);
  const client = other.startSpan('', { kind: SpanKind.CLIENT }, inside);
  client.recordException(new Error('wrong'));
  client.setStatus({ code: SpanStatusCode.OK });
  client.end();
  other.startSpan('send', { kind: SpanKind.PRODUCER }, inside).end();
  server.end();
  other.startSpan('receive', { kind: SpanKind.CONSUMER }).end();
  tracer.startSpan('a new trace', { startTime: [0, 1], attributes: { only: 'this' } }).end([0, 2]);
  await provider.forceFlush();
  await provider.shutdown();
}

async function metrics(resource, tee) {
  const reader = new PeriodicExportingMetricReader(
    { exporter: tee, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({
    resource,
    readers: [reader],
    views: [
      {
        instrumentName: 'exponential',
        aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
      },
      {
        instrumentName: 'counter.int',
        attributesProcessors: [createAllowListAttributesProcessor(['kept'])],
      },
    ],
  });
  const meter = provider.getMeter('interop.first', '1.2.3', RICH_SCOPE);
  const other = provider.getMeter('interop.second', '0.0.1-beta+build');
  const whole = { valueType: ValueType.INT };
  const counter = meter.createCounter(
    'counter.int', { ...whole, unit: '{request}', description: 'Counts ☃' });
  counter.add(2 ** 60, { kept: 'yes', filtered: 'ü' });
  counter.add(1, { kept: '' });
  other.createCounter('counter.double', { unit: 's' }).add(0.1, ATTRIBUTES);
  const balance = meter.createUpDownCounter('up_down', { unit: '{item}' });
  balance.add(-5);
  balance.add(3.5, { side: 'left' });
  const explicit = meter.createHistogram(
    'histogram', { unit: 'ms', advice: { explicitBucketBoundaries: [0.5, 10, 1e6] } });
  const exponential = meter.createHistogram('exponential', { unit: 'By' });
  for (const value of [0, 0.25, 1, 7, 1e9]) {
    explicit.record(value, { route: '/' });
    exponential.record(value, { route: '/' });
  }
  meter.createGauge('gauge.int', whole).record(Number.MIN_SAFE_INTEGER);
  meter.createGauge('gauge.double').record(5e-324, ATTRIBUTES);
  const observe = (result) => {
    result.observe(1, { n: 'one' });
    result.observe(2.5, { n: 'two' });
  };
  meter.createObservableGauge('observable.gauge').addCallback(observe);
  meter.createObservableCounter('observable.counter').addCallback(observe);
  meter.createObservableUpDownCounter('observable.up_down').addCallback(observe);
  await provider.shutdown();
}

async function logs(resource, tee) {
  const processors = [new BatchLogRecordProcessor({ exporter: tee })];
  const provider = new LoggerProvider({ resource, processors });
  const logger = provider.getLogger('interop.first', '1.2.3', RICH_SCOPE);
  const other = provider.getLogger('interop.second');
  const inside = trace.setSpanContext(context.active(), REMOTE);
  logger.emit({
    timestamp: [1_700_000_000, 123_456_789], observedTimestamp: [4_000_000_000, 1],
    severityText: 'WARN', severityNumber: SeverityNumber.WARN3,
    body: 'a text ☃', attributes: NESTED, eventName: 'interop.event', context: inside,
  });
  logger.emit({ body: NESTED, severityNumber: SeverityNumber.FATAL4, context: inside });
  const bytes = Uint8Array.from([0, 255]);
  const list = ['array', 1, null, [2.5]];
  for (const body of [list, '', bytes, Number.MAX_SAFE_INTEGER, -0.5, true, undefined]) {
    other.emit({ body, severityText: 'custom' });
  }
  await provider.forceFlush();
  await provider.shutdown();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
