// Package connections counts the TCP connections of a service, for the gauge tcp_connections.
//
// No Prometheus client does that by itself: its process collector has open descriptors only, and
// http.Transport does not tell what is in its pools. So they are counted where they are made: a
// dialer for those the service opens, a hook of http.Server for those it accepts. Copy this file.
package connections

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Gauge has one series per peer. Name the peers as you like, but only a few: "inbound" is the
// server's own. tidegate adds them up per instance.
type Gauge struct {
	open *prometheus.GaugeVec
}

// New registers the gauge.
func New(registry prometheus.Registerer) *Gauge {
	open := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tcp_connections",
		Help: "Open TCP connections by peer.",
	}, []string{"peer"})
	registry.MustRegister(open)
	return &Gauge{open: open}
}

// DialFunc is what http.Transport, database drivers and most clients take.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Dial counts what the dialer opens until it is closed: http.Transport{DialContext: gauge.Dial("stock", d)}.
func (g *Gauge) Dial(peer string, dialer *net.Dialer) DialFunc {
	open := g.open.WithLabelValues(peer)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		open.Inc()
		return &counted{Conn: conn, closed: sync.OnceFunc(open.Dec)}, nil
	}
}

// ConnState counts what a server accepts: http.Server{ConnState: gauge.ConnState()}.
func (g *Gauge) ConnState() func(net.Conn, http.ConnState) {
	open := g.open.WithLabelValues("inbound")
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Inc()
		case http.StateClosed, http.StateHijacked:
			open.Dec()
		}
	}
}

type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}
