package connections

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func eventually(t *testing.T, gauge *Gauge, peer string, want float64) {
	t.Helper()
	var got float64
	for range 200 {
		if got = testutil.ToFloat64(gauge.open.WithLabelValues(peer)); got == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s has %v connections, not %v", peer, got, want)
}

func TestBothEndsAreCountedWhileTheyAreOpen(t *testing.T) {
	gauge := New(prometheus.NewRegistry())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	}))
	server.Config.ConnState = gauge.ConnState()
	server.Start()
	defer server.Close()

	transports := make([]*http.Transport, 3)
	for i := range transports {
		transports[i] = &http.Transport{DialContext: gauge.Dial("stock", &net.Dialer{})}
		answer, err := (&http.Client{Transport: transports[i]}).Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	eventually(t, gauge, "stock", 3)
	eventually(t, gauge, "inbound", 3)
	for _, transport := range transports {
		transport.CloseIdleConnections()
	}
	eventually(t, gauge, "stock", 0)
	eventually(t, gauge, "inbound", 0)
}

func TestAConnectionClosedTwiceCountsOnce(t *testing.T) {
	gauge := New(prometheus.NewRegistry())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := gauge.Dial("db", &net.Dialer{})(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	_ = conn.Close()
	eventually(t, gauge, "db", 0)
}

func TestARefusedConnectionDoesNotCount(t *testing.T) {
	gauge := New(prometheus.NewRegistry())
	if _, err := gauge.Dial("db", &net.Dialer{})(t.Context(), "tcp", "127.0.0.1:1"); err == nil {
		t.Fatal("somebody listens there")
	}
	eventually(t, gauge, "db", 0)
}
