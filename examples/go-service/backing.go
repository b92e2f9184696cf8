package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// What the service asks. Both hold any number of idle connections.

func serveUpstream(ctx context.Context, settings Settings) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stock", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(settings.Delay)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"apples": 12, "pears": 7}`)
	})
	fmt.Println("upstream listens on", settings.Port)
	server := &http.Server{Addr: "127.0.0.1:" + settings.Port, Handler: mux}
	return serveUntil(ctx, server, "upstream")
}

func serveDatabase(ctx context.Context, settings Settings) error {
	listener, err := net.Listen("tcp", "127.0.0.1:"+settings.Port)
	if err != nil {
		return err
	}
	fmt.Println("database listens on", settings.Port)
	go func() {
		<-ctx.Done()
		_ = listener.Close()
	}()
	for {
		socket, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				fmt.Println("database has stopped")
				return nil
			}
			return err
		}
		go answerQueries(socket, settings.Delay)
	}
}

func answerQueries(socket net.Conn, delay time.Duration) {
	defer socket.Close()
	queries := bufio.NewScanner(socket)
	for queries.Scan() {
		time.Sleep(delay)
		if _, err := io.WriteString(socket, "apples 120\npears 95\n\n"); err != nil {
			return
		}
	}
}
