// Load sends spans at a rate through the SDK's batch processor, as an application does.
//
//	load grpc|http HOST:PORT SPANS_PER_SECOND SECONDS
//
// It prints one line of JSON: spans ended, and spans that the processor gave to the exporter.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const tick = 10 * time.Millisecond

// counting counts what is sent: what the processor's full queue has dropped never was.
type counting struct {
	sdk.SpanExporter
	sent atomic.Int64
}

func (c *counting) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	c.sent.Add(int64(len(spans)))
	return c.SpanExporter.ExportSpans(ctx, spans)
}

func exporter(ctx context.Context, protocol, endpoint string) (*otlptrace.Exporter, error) {
	if protocol == "grpc" {
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(endpoint), otlptracegrpc.WithInsecure())
	}
	return otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(endpoint), otlptracehttp.WithInsecure())
}

func run(protocol, endpoint string, rate, seconds float64) error {
	ctx := context.Background()
	inner, err := exporter(ctx, protocol, endpoint)
	if err != nil {
		return err
	}
	counting := &counting{SpanExporter: inner}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(counting))
	tracer := provider.Tracer("load")
	began, ended := time.Now(), 0
	for passed := 0.0; passed < seconds; passed = time.Since(began).Seconds() {
		for ; float64(ended) < passed*rate; ended++ {
			number := attribute.Int("number", ended)
			_, span := tracer.Start(ctx, "work", trace.WithAttributes(number))
			span.End()
		}
		time.Sleep(tick)
	}
	if err := provider.ForceFlush(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := provider.Shutdown(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Printf("{\"ended\": %d, \"sent\": %d}\n", ended, counting.sent.Load())
	return nil
}

func main() {
	rate, _ := strconv.ParseFloat(os.Args[3], 64)
	seconds, _ := strconv.ParseFloat(os.Args[4], 64)
	if err := run(os.Args[1], os.Args[2], rate, seconds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
