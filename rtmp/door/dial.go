package door

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp/tunnel"
)

// Dialer makes connections to servers. The zero value is ready for use.
type Dialer struct {
	// TLSConfig is for what is in TLS; nil is a zero one. The server's name is the address's host unless it is set.
	TLSConfig *tls.Config
	// DialContext connects to a TCP address; nil is that of a net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Dial connects to a host and port in the way of a scheme; the handshake comes next. A write fails when it makes no progress
// for 30 s.
func (d *Dialer) Dial(ctx context.Context, s Scheme, addr string) (net.Conn, error) {
	if !s.Tunnelled {
		nc, err := d.dialTCP(ctx, "tcp", addr)
		if err != nil || !s.Secure {
			return nc, err
		}
		return d.encrypt(ctx, nc, addr)
	}
	base := "http://"
	if s.Secure {
		base = "https://"
	}
	return tunnel.Dial(ctx, base+addr, &tunnel.Options{TLSConfig: d.TLSConfig, DialContext: d.dialTCP})
}

// dialTCP connects, and bounds the connection's writes.
func (d *Dialer) dialTCP(ctx context.Context, network, addr string) (net.Conn, error) {
	dial := d.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	nc, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	w := newWire(nc, &terms{epoch: time.Now(), write: dialWrite})
	return &w, nil
}

func (d *Dialer) encrypt(ctx context.Context, nc net.Conn, addr string) (net.Conn, error) {
	config := d.TLSConfig.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(addr)
	}
	secure := tls.Client(nc, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return secure, nil
}
