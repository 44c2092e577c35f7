package telemetry

import (
	"context"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// NewTracer exports a share of traces (sample, 0 to 1) to endpoint by OTLP over
// HTTP. Without an endpoint the tracer is nil and nothing runs. stop sends what
// is left. An endpoint that does not answer costs traces, never a request.
func NewTracer(ctx context.Context, endpoint string, sample float64, version string) (tracer trace.Tracer, stop func(context.Context) error, err error) {
	if endpoint == "" {
		return nil, func(context.Context) error { return nil }, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, nil, err
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
	if err != nil {
		return nil, nil, err
	}
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter),
		sdk.WithSampler(sdk.TraceIDRatioBased(sample)),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "selfsame"), attribute.String("service.version", version))),
	)
	return provider.Tracer("github.com/selfsame-id/selfsame"), provider.Shutdown, nil
}
