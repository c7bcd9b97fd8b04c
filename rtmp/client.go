package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"time"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// Client is the client's side of one connection. Its methods may be called by any goroutine.
//
// One goroutine of its own reads the connection from Dial to Close: it answers pings and acknowledges what comes whether
// the caller reads or not. It reads each stream ahead of ReadTag by ClientOptions.ReadAhead and then waits, so that a
// caller who does not read holds up the server, not the memory. It waits with the whole connection: answers to other
// calls, and the tags of other streams, come behind what is not read. So each stream that plays wants a goroutine that
// reads it, or to be closed.
type Client struct {
	// Static after Dial.
	opts    ClientOptions
	address address
	nc      net.Conn
	in      *chunk.Reader
	out     *outbox
	closing chan struct{} // closed when the connection is to end; err is set then
	done    chan struct{} // closed when the reading goroutine has ended

	// Owned by the reading goroutine.
	acked    uint64 // bytes received up to the last acknowledgement
	ackEvery uint64 // the server's window; 0 before it stated one
	window   uint32 // that the server was told last, as it asked for it
	repliers sync.WaitGroup

	// Guarded by mu.
	mu          sync.Mutex
	err         error // why the connection ended
	transaction float64
	calls       map[float64]chan answer
	streams     map[uint32]*ClientStream
	replies     []byte // of the reading goroutine, not yet written
	replying    bool   // a goroutine writes them
}

// answer is what came back for a call: the values behind the transaction id, or a refusal.
type answer struct {
	values []any
	err    error
}

// errHungUp means that the server ended the connection without a word.
var errHungUp = fmt.Errorf("rtmp: the server closed the connection: %w", io.ErrUnexpectedEOF)

// Close ends the connection and waits for the Client's goroutine. What waits for an answer or a tag gets net.ErrClosed.
func (c *Client) Close() error {
	err := c.end(net.ErrClosed)
	<-c.done
	c.repliers.Wait()
	return err
}

// end closes the connection, once; the first reason is the one that everybody is told.
func (c *Client) end(reason error) error {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return nil
	}
	c.err = reason
	close(c.closing)
	c.mu.Unlock()
	return c.nc.Close()
}

// cause is why the connection ended.
func (c *Client) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// StreamName is the stream name in the URL that was dialled; empty where it named none.
func (c *Client) StreamName() string { return c.address.name }

// Call calls a command of the server and returns its result, the first value where there are several. A refusal is a
// *StatusError. args are of the types that package amf knows.
func (c *Client) Call(ctx context.Context, command string, args ...any) (any, error) {
	values, err := c.call(ctx, command, nil, args...)
	if err != nil || len(values) < 2 {
		return nil, err
	}
	return values[1], nil
}

// Length asks how long a stream is; 0 means that the server does not know. It may be asked before the stream plays.
func (c *Client) Length(ctx context.Context, name string) (time.Duration, error) {
	v, err := c.Call(ctx, "getStreamLength", name)
	if err != nil {
		return 0, err
	}
	seconds, _ := v.(float64)
	if !(seconds > 0) || seconds > math.MaxInt32 {
		return 0, nil
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// call sends a command of the connection and waits for its answer: the command object, then the results.
func (c *Client) call(ctx context.Context, command string, object any, args ...any) ([]any, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.timeout())
	defer cancel()
	transaction, answered := c.begin()
	defer c.forget(transaction)
	if err := c.send(0, append([]any{command, transaction, object}, args...)...); err != nil {
		return nil, err
	}
	select {
	case a := <-answered:
		return a.values, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("rtmp: %s: %w", command, ctx.Err())
	case <-c.done:
	}
	select {
	case a := <-answered: // it came before the end
		return a.values, a.err
	default:
		return nil, c.cause()
	}
}

// begin registers a call under a transaction id of its own.
func (c *Client) begin() (float64, <-chan answer) {
	answered := make(chan answer, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.transaction++
	c.calls[c.transaction] = answered
	return c.transaction, answered
}

func (c *Client) forget(transaction float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, transaction)
}

// send writes a command. Only values that AMF has no form for leave the connection usable after an error.
func (c *Client) send(stream uint32, values ...any) error {
	b, err := appendCommand(nil, stream, values...)
	if err != nil {
		return err
	}
	return c.write(b)
}

// csStream is the chunk stream for the commands of a stream: the one that Flash Player uses.
const csStream = 8

func appendCommand(dst []byte, stream uint32, values ...any) ([]byte, error) {
	body, err := amf.Append(nil, values...)
	if err != nil {
		return dst, fmt.Errorf("rtmp: %v: %w", values[0], err)
	}
	m := chunk.Message{ChunkStream: csConnect, Type: chunk.TypeCommandAMF0, Stream: stream, Payload: body}
	if stream != 0 {
		m.ChunkStream = csStream
	}
	return chunk.Append(dst, &m, chunk.DefaultChunkSize), nil
}

// write writes whole messages. A connection on which that fails is of no more use.
func (c *Client) write(b []byte) error {
	err := c.out.reply(b)
	if err == nil {
		return nil
	}
	if errors.Is(err, errControlFull) {
		err = errNotTaken
	}
	_ = c.end(err)
	return c.cause()
}

// reply writes what the reading goroutine has to say, on another goroutine: a server may do as the Client does and not
// read while it writes, and then neither may wait for the other.
func (c *Client) reply(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.replies)+len(b) > clientRepliesBytes {
		return errNotTaken
	}
	c.replies = append(c.replies, b...)
	if !c.replying {
		c.replying = true
		c.repliers.Go(c.writeReplies)
	}
	return nil
}

func (c *Client) writeReplies() {
	for {
		c.mu.Lock()
		b := c.replies
		c.replies = nil
		c.replying = len(b) > 0
		c.mu.Unlock()
		if len(b) == 0 || c.write(b) != nil {
			return
		}
	}
}

var errNotTaken = errors.New("rtmp: the server does not take what it is sent")
