package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"

	"orders/connections"
)

// The mistakes, one by one. Each is what such code looks like in real services.
type careless struct {
	careful  *Careful
	settings Settings
	gauge    *connections.Gauge
	shared   *http.Transport
	pool     *sql.DB
}

func newCareless(careful *Careful, settings Settings, gauge *connections.Gauge) careless {
	pool := sql.OpenDB(connector{address: settings.DatabaseAt, dial: gauge.Dial("database", dialer())})
	pool.SetMaxIdleConns(1 << 20)
	shop := careless{careful: careful, settings: settings, gauge: gauge, pool: pool}
	shop.shared = shop.transport()
	http.DefaultTransport = shop.transport() // as it is, but counted
	return shop
}

func (c careless) Stock(ctx context.Context) (json.RawMessage, error) {
	switch c.settings.Leak {
	case "client":
		// No leak, although it is often taken for one: a client without a transport of its own uses
		// http.DefaultTransport, which all of them share.
		return get(&http.Client{}, c.careful.stockURL)
	case "transport":
		// A pool per request. Its one connection stays idle in it, nobody else can use it, and two
		// goroutines keep it all alive.
		return get(&http.Client{Transport: c.transport()}, c.careful.stockURL)
	case "body":
		// The answer is neither read nor closed: its connection can never be used again. The request's
		// context would have closed it in the end, and so would a Timeout of the client.
		answer, err := (&http.Client{Transport: c.shared}).Get(c.careful.stockURL)
		if err != nil {
			return nil, err
		}
		return json.Marshal(map[string]int{"status": answer.StatusCode})
	default:
		return c.careful.Stock(ctx)
	}
}

func (c careless) Prices(ctx context.Context) (map[string]int, error) {
	switch c.settings.Leak {
	case "rows":
		// Looks at the first row and goes. The rows are not closed, so their connection is still in
		// use, and a pool without a limit opens another one. QueryContext would have closed them with
		// the request.
		rows, err := c.pool.Query(pricesQuery)
		if err != nil {
			return nil, err
		}
		var name string
		var price int
		if rows.Next() {
			if err := rows.Scan(&name, &price); err != nil {
				return nil, err
			}
		}
		return map[string]int{name: price}, nil
	case "pool":
		// The query is right, the pool has no limit: a burst opens a connection for every request in
		// flight, and all of them stay.
		return (&Careful{database: c.pool}).Prices(ctx)
	default:
		return c.careful.Prices(ctx)
	}
}

func get(client *http.Client, url string) (json.RawMessage, error) {
	answer, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// transport is a new &http.Transport{}, whose connections are counted.
func (c careless) transport() *http.Transport {
	return &http.Transport{DialContext: c.gauge.Dial("upstream", dialer())}
}

func carelessServer(settings Settings, gauge *connections.Gauge) *http.Server {
	// No time-out at all: who opens a connection and says nothing keeps it for ever. So does
	// http.ListenAndServe.
	return &http.Server{Addr: ":" + settings.Port, ConnState: gauge.ConnState()}
}
