package telemetry

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are all numbers that the process counts. Rooms get the part that they
// need. Labels hold names of ours only, never anything that somebody sent.
type Metrics struct {
	HTTP     *HTTP
	Faults   *Count // by code: what people were refused
	Journeys *Count // by kind and outcome (begun, done, expired)
	Outbox   *Count // by channel and outcome (posted, sent, failed)
	// Providers counts exchanges with third-party providers, by provider and outcome (ok,
	// or the reason why not); Notices what they told by themselves.
	Providers *Count
	Notices   *Count
	Messages  *Timed // by route and outcome: how long a carrier took to answer

	registry *prometheus.Registry
}

// NewMetrics makes the registry with the numbers of the Go runtime and the process.
func NewMetrics(version string) *Metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "selfsame_build_info", Help: "1, with the version as label.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	r.MustRegister(info)
	return &Metrics{
		HTTP:      newHTTP(r),
		Faults:    newCount(r, "selfsame_faults_total", "Refusals by code.", "code"),
		Journeys:  newCount(r, "selfsame_journeys_total", "Journeys by kind and outcome.", "kind", "outcome"),
		Outbox:    newCount(r, "selfsame_outbox_total", "Messages by channel and outcome.", "channel", "outcome"),
		Providers: newCount(r, "selfsame_provider_exchanges_total", "Sign-ins at third-party providers by provider and outcome.", "provider", "outcome"),
		Notices:   newCount(r, "selfsame_provider_notices_total", "What third-party providers told by themselves.", "provider", "kind", "outcome"),
		Messages:  newTimed(r, "selfsame_message_seconds", "Answers of carriers by route and outcome.", "route", "outcome"),
		registry:  r,
	}
}

// Gauge registers a number that is asked for when somebody looks, such as the
// jobs that are due. The name begins with "selfsame_".
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Count counts events by labels.
type Count struct{ vec *prometheus.CounterVec }

func newCount(r *prometheus.Registry, name, help string, labels ...string) *Count {
	c := &Count{prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)}
	r.MustRegister(c.vec)
	return c
}

// Add counts one event; the values are in the order of the labels. A nil Count counts nothing.
func (c *Count) Add(values ...string) {
	if c != nil {
		c.vec.WithLabelValues(values...).Inc()
	}
}

// Timed counts events by labels with how long they took.
type Timed struct{ vec *prometheus.HistogramVec }

func newTimed(r *prometheus.Registry, name, help string, labels ...string) *Timed {
	t := &Timed{prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)}
	r.MustRegister(t.vec)
	return t
}

// Observe counts one event. A nil Timed counts nothing.
func (t *Timed) Observe(took time.Duration, values ...string) {
	if t != nil {
		t.vec.WithLabelValues(values...).Observe(took.Seconds())
	}
}

// buckets run from a cached page to a slow carrier, in seconds.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// HTTP counts requests by route and class of status.
type HTTP struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newHTTP(r *prometheus.Registry) *HTTP {
	h := &HTTP{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "selfsame_http_requests_total", Help: "Requests by route and class of status."}, []string{"route", "status"}),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "selfsame_http_request_seconds", Help: "Time to answer by route.", Buckets: buckets}, []string{"route"}),
	}
	r.MustRegister(h.requests, h.seconds)
	return h
}

// Route answers the function that counts the answers of one route. The labels
// are looked up here, once, and not at every request.
func (h *HTTP) Route(route string) func(status int, took time.Duration) {
	var classes [6]prometheus.Counter
	for i := 1; i < len(classes); i++ {
		classes[i] = h.requests.WithLabelValues(route, strconv.Itoa(i)+"xx")
	}
	seconds := h.seconds.WithLabelValues(route)
	return func(status int, took time.Duration) {
		if class := status / 100; class >= 1 && class < len(classes) {
			classes[class].Inc()
		}
		seconds.Observe(took.Seconds())
	}
}
