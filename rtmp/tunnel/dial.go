package tunnel

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"
)

// Options are what Dial may be told; nil means the defaults.
type Options struct {
	// Client makes the requests. Nil means one of the tunnel's own, on a connection of its own, by the proxy that the
	// environment names (http.ProxyFromEnvironment); the fields below are for that one.
	Client *http.Client
	// TLSConfig is for https; nil means the default.
	TLSConfig *tls.Config
	// DialContext connects to the server or the proxy; nil means a net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Dial opens a tunnel to an RTMPT server, named by its base URL: "http://host:80" or, for RTMPTS, "https://host". ctx bounds
// the opening alone.
//
// The connection polls on its own while its reader reads. Write copies what it is given and blocks while too much waits to be
// posted; at most one request is under way at a time, so bytes may wait until the server has answered an idle request, which
// it holds for up to half a second, and while the server does not read what was posted, nothing comes from it either. Close
// posts what was written before and waits for that, for up to 5 s. A connection that is not read for minutes ends, like one
// whose server is not polled.
func Dial(ctx context.Context, base string, opts *Options) (net.Conn, error) {
	root, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("tunnel: %w", err)
	}
	if root.Scheme != "http" && root.Scheme != "https" || root.Host == "" || strings.Trim(root.Path, "/") != "" {
		return nil, fmt.Errorf("tunnel: %q is not the base URL of an RTMPT server", root.Redacted())
	}
	if opts == nil {
		opts = new(Options)
	}
	c := newClientConn(root, opts)
	if err := c.open(ctx); err != nil {
		c.cancel()
		c.hangUp()
		return nil, err
	}
	go c.run()
	return c, nil
}

func newClientConn(root *url.URL, opts *Options) *clientConn {
	c := &clientConn{
		root:  (&url.URL{Scheme: root.Scheme, User: root.User, Host: root.Host}).String(),
		http:  opts.Client,
		local: addr("rtmpt"), remote: addr(root.Host),
		done: make(chan struct{}),
	}
	c.init(&c.blocks, clientPending)
	c.out.pins = 1 // for ever: net/http may read a body after its request has returned
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if c.http == nil {
		c.transport = newTransport(opts)
		c.http = &http.Client{Transport: c.transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
	}
	return c
}

// newTransport keeps to HTTP/1.1, which is what RTMPT servers speak.
func newTransport(opts *Options) *http.Transport {
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         opts.DialContext,
		TLSHandshakeTimeout: requestTimeout,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 1,
		Protocols:           new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	if opts.TLSConfig != nil {
		t.TLSClientConfig = opts.TLSConfig.Clone()
		t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	return t
}

// open posts the open request, and learns the addresses of its connection by the way.
func (c *clientConn) open(ctx context.Context) error {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		c.local, c.remote = info.Conn.LocalAddr(), info.Conn.RemoteAddr()
	}})
	var id bytes.Buffer
	err := c.post(ctx, "/open/1", []byte{0}, func(r io.Reader) error {
		_, err := id.ReadFrom(io.LimitReader(r, maxIDLength+1))
		return err
	})
	if err != nil {
		return fmt.Errorf("tunnel: %w", err)
	}
	c.id = strings.TrimSpace(id.String())
	if c.id == "" || len(c.id) > maxIDLength {
		return errors.New("tunnel: open: the reply is not a session id")
	}
	c.id = url.PathEscape(c.id)
	return nil
}

// post makes one request and has read read the body of its reply.
func (c *clientConn) post(ctx context.Context, path string, body []byte, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.root+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-fcs")
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := c.http.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // without the URL, which has the session's id
		}
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound && c.id != "":
		return ErrSessionGone
	case resp.StatusCode != http.StatusOK:
		return &refusedError{path: path, status: resp.Status}
	}
	return read(resp.Body)
}

// refusedError is a reply other than 200; asking again does not help.
type refusedError struct{ path, status string }

func (e *refusedError) Error() string {
	verb, _, _ := strings.Cut(strings.TrimPrefix(e.path, "/"), "/")
	return verb + ": the server answered " + e.status
}

// pollWait is how long an interval byte, which is not 0, asks to wait. Servers send 1 for "at once".
func pollWait(interval byte) time.Duration { return time.Duration(interval-1) * time.Second / 64 }
