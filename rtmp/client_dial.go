package rtmp

import (
	"context"
	"fmt"
	"net"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/seed-3309b198/reelfront/rtmp/door"
	"github.com/seed-3309b198/reelfront/rtmp/handshake"
)

// Dial connects to a server and shakes hands with it; Connect comes next. The Client is to be closed. opts may be nil.
//
// The URL is rtmp://host[:port]/app/name, where the scheme is one of rtmp, rtmpe, rtmps (RTMP in TLS), rtmpt (in HTTP),
// rtmpte and rtmpts. Its ports by default are 1935, 443 for those with TLS, and 80 for rtmpt and rtmpte. Nothing in it is
// unescaped. What of it is the application and what the stream name is guessed, as FFmpeg does and a little better:
//
//   - what comes before the first part with a colon is the application: "/vod/_definst_/mp4:dir/a.mp4";
//   - "cfx/st" is one, as is "ondemand", and two parts of which the second is "_definst_";
//   - of three parts or more, two are the application, of two, one;
//   - a query belongs to the name, or to the application where there is no name before it: "/app?token=x/name";
//   - "/app?slist=name" is the application in whole, and name.
//
// Where that is wrong, ClientOptions.App says what the application is. A stream name without a prefix gets that of its
// extension, as Flash asks for: "a.mp4" becomes "mp4:a.mp4", "a.mp3" "mp3:a" and "a.flv" "a".
func Dial(ctx context.Context, rawURL string, opts *ClientOptions) (*Client, error) {
	if opts == nil {
		opts = &ClientOptions{}
	}
	addr, err := parseAddress(rawURL, opts.App)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, opts.timeout())
	defer cancel()
	out := door.Dialer{TLSConfig: opts.TLSConfig, DialContext: opts.DialContext}
	nc, err := out.Dial(ctx, addr.scheme, addr.host)
	if err != nil {
		return nil, fmt.Errorf("rtmp: %s: %w", addr.host, err)
	}
	shaken, err := opts.shakeHands(ctx, nc, &addr)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("rtmp: %s: %w", addr.host, err)
	}
	c := newClient(shaken, &addr, opts)
	go c.read()
	return c, nil
}

// newClient returns a Client on a connection that has shaken hands. Nothing reads it yet.
func newClient(nc net.Conn, addr *address, opts *ClientOptions) *Client {
	limits := chunk.Limits{MessageSize: opts.messageBytes(), PartialBytes: 2 * opts.messageBytes()}
	return &Client{
		opts:    *opts,
		address: *addr,
		nc:      nc,
		in:      chunk.NewReader(nc, limits),
		out:     &outbox{w: nc, limit: clientRepliesBytes, encoder: encoder{chunkSize: chunk.DefaultChunkSize}},
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		calls:   make(map[float64]chan answer),
		streams: make(map[uint32]*ClientStream),
	}
}

// shakeHands returns the connection to go on with. ctx ends it by closing nc.
func (o *ClientOptions) shakeHands(ctx context.Context, nc net.Conn, addr *address) (net.Conn, error) {
	settings := handshake.ClientOptions{Digest: handshake.Scheme0}
	if addr.scheme.Enciphered {
		settings.Digest = handshake.Scheme1
	}
	if o.Handshake != nil {
		settings = *o.Handshake
	}
	if !addr.scheme.Enciphered {
		settings.Protocol = handshake.RTMP
	} else if settings.Protocol == 0 || settings.Protocol == handshake.RTMP {
		settings.Protocol = handshake.RTMPE
	}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	result, err := handshake.Client(nc, &settings)
	if !stop() {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return result.Conn, nil
}
