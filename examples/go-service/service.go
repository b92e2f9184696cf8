package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"orders/connections"
)

// Shop is what one order needs. The careful one is in careful.go, the others in careless.go.
type Shop interface {
	Stock(ctx context.Context) (json.RawMessage, error)
	Prices(ctx context.Context) (map[string]int, error)
}

func serve(ctx context.Context, settings Settings) error {
	registry := prometheus.NewRegistry()
	// process_open_fds, process_max_fds, process_resident_memory_bytes; go_goroutines.
	registry.MustRegister(
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(),
	)
	gauge := connections.New(registry)
	careful := newCareful(settings, gauge)
	registry.MustRegister(collectors.NewDBStatsCollector(careful.database, "orders"))
	shop, server := Shop(careful), carefulServer(settings, gauge)
	switch settings.Leak {
	case "server":
		server = carelessServer(settings, gauge)
	case "none":
	default:
		shop = newCareless(careful, settings, gauge)
	}
	server.Handler = routes(shop, settings, registry)
	fmt.Printf("orders listens on %s, leak: %s\n", settings.Port, settings.Leak)
	return serveUntil(ctx, server, "orders")
}

func routes(shop Shop, settings Settings, registry *prometheus.Registry) http.Handler {
	inFlight := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "in_flight_requests", Help: "Requests being answered.",
	})
	answered := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "orders_requests_total", Help: "Requests answered by status.",
	}, []string{"code"})
	registry.MustRegister(inFlight, answered)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		inFlight.Inc()
		defer inFlight.Dec()
		status, answer := order(r.Context(), shop, settings.Revision)
		answered.WithLabelValues(strconv.Itoa(status)).Inc()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	})
	return mux
}

func order(ctx context.Context, shop Shop, revision string) (int, map[string]any) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	stock, err := shop.Stock(ctx)
	if err != nil {
		fmt.Println("upstream:", err)
		return http.StatusBadGateway, map[string]any{"error": "the upstream does not answer"}
	}
	prices, err := shop.Prices(ctx)
	if err != nil {
		fmt.Println("database:", err)
		return http.StatusBadGateway, map[string]any{"error": "the database does not answer"}
	}
	return http.StatusOK, map[string]any{"revision": revision, "stock": stock, "prices": prices}
}
