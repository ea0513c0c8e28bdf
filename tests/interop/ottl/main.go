// Asks the Go Collector's OTTL of every condition in a table, and writes the table with its answers.
//
//	go run . SPANS.json TABLE.txt
//
// A row is `ANSWER CONTEXT CONDITION`; the answer that stands there is replaced. Other lines stay. The
// first span of the request is asked, or the first event of it.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspanevent"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
)

var settings = component.TelemetrySettings{Logger: zap.NewNop()}

func main() {
	data, err := os.ReadFile(os.Args[1])
	check(err)
	traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(data)
	check(err)
	table, err := os.Open(os.Args[2])
	check(err)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		row := strings.Fields(lines.Text())
		if len(row) < 3 || row[0] == "#" {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		_, text, _ := strings.Cut(lines.Text(), " "+row[1])
		text = strings.TrimSpace(text)
		answer, why := ask(traces.ResourceSpans().At(0), row[1], text)
		fmt.Fprintf(out, "%-5s %-5s %s\n", answer, row[1], text)
		if why != nil && len(os.Args) > 3 {
			fmt.Fprintf(os.Stderr, "%s: %v\n", text, why)
		}
	}
	check(lines.Err())
}

func ask(resource ptrace.ResourceSpans, place, text string) (string, error) {
	scope := resource.ScopeSpans().At(0)
	span := scope.Spans().At(0)
	if place == "event" {
		parser, err := ottlspanevent.NewParser(ottlfuncs.StandardConverters[*ottlspanevent.TransformContext](),
			settings, ottlspanevent.EnablePathContextNames())
		check(err)
		return answer(ottlspanevent.ContextName, parser, text,
			ottlspanevent.NewTransformContextPtr(resource, scope, span, span.Events().At(0)))
	}
	functions := ottlfuncs.StandardConverters[*ottlspan.TransformContext]()
	root := ottlfuncs.NewIsRootSpanFactory()
	functions[root.Name()] = root
	parser, err := ottlspan.NewParser(functions, settings, ottlspan.EnablePathContextNames())
	check(err)
	return answer(ottlspan.ContextName, parser, text, ottlspan.NewTransformContextPtr(resource, scope, span))
}

// Paths without a context get this one, as in the tail sampling processor.
func answer[K any](name string, parser ottl.Parser[K], text string, of K) (string, error) {
	type conditions = []*ottl.Condition[K]
	convert := func(_ *ottl.ParserCollection[conditions], _ ottl.ConditionsGetter, parsed conditions) (conditions, error) {
		return parsed, nil
	}
	collection, err := ottl.NewParserCollection(settings,
		ottl.WithParserCollectionContext(name, &parser, ottl.WithConditionConverter(convert)))
	check(err)
	parsed, err := collection.ParseConditionsWithContext(name, ottl.NewConditionsGetter([]string{text}), true)
	if err != nil {
		return "fault", err
	}
	holds, err := parsed[0].Eval(context.Background(), of)
	if err != nil {
		return "error", err
	}
	if holds {
		return "yes", nil
	}
	return "no", nil
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
