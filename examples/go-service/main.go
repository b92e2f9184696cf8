// Command orders answers by asking an upstream and a database, and leaks when told to; README.md says how.
//
//	orders            the service
//	orders upstream   what it asks over HTTP
//	orders database   what it asks with SQL
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Settings come from the environment.
type Settings struct {
	Port        string
	Revision    string
	Leak        string
	UpstreamURL string
	DatabaseAt  string
	Delay       time.Duration // of the upstream and the database
	IdleTimeout time.Duration // of the server
}

var leaks = []string{"none", "client", "transport", "body", "rows", "pool", "server"}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	settings, err := read()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	role := "orders"
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	switch role {
	case "orders":
		return serve(ctx, settings)
	case "upstream":
		return serveUpstream(ctx, settings)
	case "database":
		return serveDatabase(ctx, settings)
	default:
		return fmt.Errorf("orders is started alone, or as upstream or database, not as %q", role)
	}
}

func read() (Settings, error) {
	s := Settings{
		Port:        env("PORT", "8080"),
		Revision:    env("K_REVISION", ""),
		Leak:        env("LEAK", "none"),
		UpstreamURL: env("UPSTREAM_URL", "http://127.0.0.1:9000"),
		DatabaseAt:  env("DATABASE_AT", "127.0.0.1:9001"),
	}
	known := false
	for _, leak := range leaks {
		known = known || leak == s.Leak
	}
	if !known {
		return s, fmt.Errorf("LEAK is one of %v, not %q", leaks, s.Leak)
	}
	var err error
	if s.Delay, err = time.ParseDuration(env("DELAY", "2ms")); err != nil {
		return s, fmt.Errorf("DELAY: %w", err)
	}
	if s.IdleTimeout, err = time.ParseDuration(env("IDLE_TIMEOUT", "60s")); err != nil {
		return s, fmt.Errorf("IDLE_TIMEOUT: %w", err)
	}
	return s, nil
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// serveUntil ends with the context: what is being answered may end, new connections are not taken.
func serveUntil(ctx context.Context, server *http.Server, name string) error {
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return fmt.Errorf("%s was still answering: %w", name, err)
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	fmt.Println(name, "has stopped")
	return nil
}
