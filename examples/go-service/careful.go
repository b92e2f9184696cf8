package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"orders/connections"
)

const (
	mostUpstream = 64 // connections, in use and idle
	mostDatabase = 8
	longestBody  = 1 << 20
)

// Careful has one HTTP client and one database pool for the life of the process. Both are safe for
// any number of goroutines, have limits, and let go of what is idle.
type Careful struct {
	client   *http.Client
	database *sql.DB
	stockURL string
}

func newCareful(settings Settings, gauge *connections.Gauge) *Careful {
	transport := &http.Transport{
		DialContext:           gauge.Dial("upstream", dialer()),
		MaxConnsPerHost:       mostUpstream,
		MaxIdleConnsPerHost:   mostUpstream, // 2 by default: the others would be closed and opened again
		IdleConnTimeout:       60 * time.Second,
		ResponseHeaderTimeout: 5 * time.Second,
	}
	database := sql.OpenDB(connector{address: settings.DatabaseAt, dial: gauge.Dial("database", dialer())})
	database.SetMaxOpenConns(mostDatabase)
	database.SetMaxIdleConns(mostDatabase)
	database.SetConnMaxIdleTime(time.Minute)
	database.SetConnMaxLifetime(30 * time.Minute)
	return &Careful{
		client:   &http.Client{Transport: transport, Timeout: 5 * time.Second},
		database: database,
		stockURL: settings.UpstreamURL + "/stock",
	}
}

// Stock reads the answer once, to its end, and closes it: only then is the connection used again.
func (c *Careful) Stock(ctx context.Context) (json.RawMessage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.stockURL, nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, longestBody))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", c.stockURL, answer.Status)
	}
	return body, nil
}

// Prices closes its rows on every way out, and takes the request's context along.
func (c *Careful) Prices(ctx context.Context) (map[string]int, error) {
	rows, err := c.database.QueryContext(ctx, pricesQuery)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	prices := map[string]int{}
	for rows.Next() {
		var name string
		var price int
		if err := rows.Scan(&name, &price); err != nil {
			return nil, err
		}
		prices[name] = price
	}
	return prices, rows.Err()
}

func carefulServer(settings Settings, gauge *connections.Gauge) *http.Server {
	return &http.Server{
		Addr:              ":" + settings.Port,
		ConnState:         gauge.ConnState(),
		ReadHeaderTimeout: min(5*time.Second, settings.IdleTimeout),
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       settings.IdleTimeout,
	}
}

func dialer() *net.Dialer {
	return &net.Dialer{Timeout: 3 * time.Second}
}
