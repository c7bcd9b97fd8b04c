package handshake

import (
	"crypto/rc4"
	"net"
	"sync"
)

const (
	// skipped is how much of each key stream is thrown away: one block.
	skipped = blockSize
	// scratchSize is how much is enciphered at a time: few system calls, and it stays in the processor's cache.
	scratchSize = 64 << 10
)

// scratches are buffers for what has been enciphered, shared by all connections.
var scratches = sync.Pool{New: func() any { return new([scratchSize]byte) }}

// conn enciphers one connection: RC4 with a key for each direction.
type conn struct {
	net.Conn

	readMutex sync.Mutex
	in        *rc4.Cipher

	writeMutex sync.Mutex
	out        *rc4.Cipher
}

// encrypt returns c enciphered by the keys that follow from the exchange.
func encrypt(c net.Conn, secret, own, peer []byte) (net.Conn, error) {
	in, err := newCipher(secret, own)
	if err != nil {
		return nil, err
	}
	out, err := newCipher(secret, peer)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, in: in, out: out}, nil
}

// newCipher is the cipher of what is sent to the owner of the public key.
func newCipher(secret, public []byte) (*rc4.Cipher, error) {
	c, err := rc4.NewCipher(sign(secret, public)[:16])
	if err != nil {
		return nil, err
	}
	var skip [skipped]byte
	c.XORKeyStream(skip[:], skip[:])
	return c, nil
}

// NetConn returns the connection below, as that of tls.Conn does.
func (c *conn) NetConn() net.Conn { return c.Conn }

func (c *conn) Read(p []byte) (int, error) {
	c.readMutex.Lock()
	defer c.readMutex.Unlock()
	n, err := c.Conn.Read(p)
	c.in.XORKeyStream(p[:n], p[:n])
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	c.writeMutex.Lock()
	defer c.writeMutex.Unlock()
	scratch := scratches.Get().(*[scratchSize]byte)
	defer scratches.Put(scratch)
	written := 0
	for {
		n, err := c.writePiece(scratch, p[written:min(len(p), written+scratchSize)])
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// writePiece leaves the cipher behind what has been written, so that a Write cut short by a deadline can be taken up.
func (c *conn) writePiece(scratch *[scratchSize]byte, p []byte) (int, error) {
	before := *c.out
	c.out.XORKeyStream(scratch[:len(p)], p)
	n, err := c.Conn.Write(scratch[:len(p)])
	if n < len(p) {
		*c.out = before
		c.out.XORKeyStream(scratch[:n], scratch[:n])
	}
	return n, err
}
