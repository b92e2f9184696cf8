package main

import (
	"bufio"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"orders/connections"
)

// A driver for the database of backing.go, so that this example needs no real one. A query is a line;
// the answer is a line "name price" per row and an empty one. What leaks is a real connection.

const pricesQuery = "SELECT name, price FROM fruit"

type connector struct {
	address string
	dial    connections.DialFunc
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	socket, err := c.dial(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	return &session{socket: socket, answers: bufio.NewReader(socket)}, nil
}

func (c connector) Driver() driver.Driver { return nil }

type session struct {
	socket  net.Conn
	answers *bufio.Reader
	broken  bool
}

var errOnlyQueries = errors.New("this database only answers queries")

func (s *session) Prepare(string) (driver.Stmt, error) { return nil, errOnlyQueries }
func (s *session) Begin() (driver.Tx, error)           { return nil, errOnlyQueries }
func (s *session) Close() error                        { return s.socket.Close() }
func (s *session) IsValid() bool                       { return !s.broken }

func (s *session) QueryContext(ctx context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	deadline, _ := ctx.Deadline() // without one: the zero time, which is no deadline
	_ = s.socket.SetDeadline(deadline)
	if _, err := fmt.Fprintln(s.socket, query); err != nil {
		s.broken = true
		return nil, driver.ErrBadConn
	}
	return &rows{session: s}, nil
}

type rows struct {
	session *session
	ended   bool
}

func (r *rows) Columns() []string { return []string{"name", "price"} }

func (r *rows) Next(values []driver.Value) error {
	if r.ended {
		return io.EOF
	}
	line, err := r.session.answers.ReadString('\n')
	if err != nil {
		r.session.broken, r.ended = true, true
		return err
	}
	name, price, found := strings.Cut(strings.TrimSpace(line), " ")
	if !found {
		r.ended = true
		return io.EOF
	}
	if values[1], err = strconv.ParseInt(price, 10, 64); err != nil {
		return err
	}
	values[0] = name
	return nil
}

// Close reads what is left, so that the connection can be used again.
func (r *rows) Close() error {
	for values := make([]driver.Value, 2); !r.ended; {
		if err := r.Next(values); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}
