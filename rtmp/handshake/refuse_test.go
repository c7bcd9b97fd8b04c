package handshake

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"net"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// clientHello is C0 and C1 as a client of ours sends them, and the C1 in it before it was signed.
func clientHello(t testing.TB, p Protocol, d Digest, alter func(c1 *block)) []byte {
	q := question{protocol: p, scheme: d, random: deterministic()}
	require.NoError(t, q.make())
	if alter != nil {
		alter(&q.c1)
	}
	return append([]byte{byte(p)}, q.c1[:]...)
}

func TestServerRefuses(t *testing.T) {
	t.Parallel()
	withKey := func(y *big.Int) []byte {
		return clientHello(t, RTMPE, Scheme1, func(c1 *block) {
			y.FillBytes(c1.publicKey(Scheme1))
			c1.sign(Scheme1, playerName)
		})
	}
	p, ok := new(big.Int).SetString(prime, 16)
	require.True(t, ok)
	less := func(n int64) *big.Int { return new(big.Int).Sub(p, big.NewInt(n)) }
	unsigned := func(c1 *block) { c1.digest(Scheme1)[0] ^= 1 }
	for _, c := range []struct {
		name, err string
		sent      []byte
	}{
		{"nothing", "handshake: C0: EOF", nil},
		{"HTTP GET", "handshake: C0: version 71 is not RTMP", []byte("GET / HTTP/1.1\r\n\r\n")},
		{"TLS", "handshake: C0: version 22 is not RTMP", []byte{0x16, 3, 1}},
		{"short C1", "handshake: C1: unexpected EOF", clientHello(t, RTMP, NoDigest, nil)[:1536]},
		{"no C1", "handshake: C1: unexpected EOF", []byte{3}},
		{"no C2", "handshake: C2: unexpected EOF", clientHello(t, RTMP, NoDigest, nil)},
		{"RTMPE without digest", "handshake: C1: no valid digest, which RTMPE needs", clientHello(t, RTMPE, Scheme1, unsigned)},
		{"RTMPE C2 not signed", "handshake: C2: signature is not valid",
			append(clientHello(t, RTMPE, Scheme1, nil), make([]byte, blockSize)...)},
		{"key 0", "handshake: C1: public key out of range", withKey(big.NewInt(0))},
		{"key 1", "handshake: C1: public key out of range", withKey(big.NewInt(1))},
		{"key p-1", "handshake: C1: public key out of range", withKey(less(1))},
		{"key p", "handshake: C1: public key out of range", withKey(p)},
		{"key above p", "handshake: C1: public key out of range", withKey(less(-5))},
		{"key 2 is one", "handshake: C2: unexpected EOF", withKey(big.NewInt(2))},
		{"key p-2 is one", "handshake: C2: unexpected EOF", withKey(less(2))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Server(&scriptConn{in: bytes.NewReader(c.sent)}, nil)
			require.EqualError(t, err, c.err)
			var typed *Error
			require.ErrorAs(t, err, &typed)
		})
	}
}

// A digest that is not valid, or a C2 that is not S1, costs a clear connection nothing.
func TestServerFallsBackToPlain(t *testing.T) {
	t.Parallel()
	for _, d := range []Digest{Scheme0, Scheme1} {
		hello := clientHello(t, RTMP, d, func(c1 *block) { c1.digest(d)[31] ^= 1 })
		conn := &scriptConn{in: bytes.NewReader(append(hello, make([]byte, blockSize)...))}
		result, err := Server(conn, nil)
		require.NoError(t, err)
		require.Equal(t, NoDigest, result.Digest)
		require.Same(t, conn, result.Conn)
		answer := conn.out.Bytes()
		require.EqualValues(t, 3, answer[0])
		require.Equal(t, make([]byte, 8), answer[1:9], "time and version of S1")
		require.Equal(t, hello[1:], answer[1+blockSize:], "S2 is C1")
	}
}

func TestServerVersion(t *testing.T) {
	t.Parallel()
	conn := &scriptConn{in: bytes.NewReader(clientHello(t, RTMP, Scheme1, nil))}
	_, err := Server(conn, nil)
	require.Error(t, err)
	require.Equal(t, []byte{3, 0, 0, 0, 0, 3, 5, 7, 7}, conn.out.Bytes()[:9])
}

// serverAnswer is S0, S1 and S2 to the C1 of a client with the given options, whose Rand is deterministic.
func serverAnswer(t testing.TB, c1 []byte, p Protocol, d Digest, alter func(s1, s2 *block)) []byte {
	random := deterministic()
	var s1, s2 block
	require.NoError(t, s1.randomize(random))
	keys, err := newKeyPair(random)
	require.NoError(t, err)
	s1.setVersion(serverVersion)
	copy(s1.publicKey(d), keys.public[:])
	s1.sign(d, serverName)
	question := block(c1)
	require.NoError(t, s2.reply(p, serverName, question.digest(question.findDigest(playerName)), random))
	if alter != nil {
		alter(&s1, &s2)
	}
	return slices.Concat([]byte{byte(p)}, s1[:], s2[:])
}

func TestClientVerifies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		options  ClientOptions
		protocol Protocol
		scheme   Digest
		alter    func(s1, s2 *block)
		err      string // empty when it goes well
		digest   Digest // then
	}{
		{name: "as asked", options: ClientOptions{Digest: Scheme0, Strict: true}, protocol: RTMP, scheme: Scheme0, digest: Scheme0},
		{name: "RTMPE answered in scheme 0, as FMS 3.5.1", options: ClientOptions{Protocol: RTMPE}, protocol: RTMPE,
			scheme: Scheme0, digest: Scheme0},
		{name: "9 in answer to 6", options: ClientOptions{Protocol: RTMPE}, protocol: RTMPEBlowfish,
			scheme: Scheme1, digest: Scheme1},
		{name: "S1 not signed", options: ClientOptions{Digest: Scheme0, Strict: true}, protocol: RTMP, scheme: Scheme0,
			alter: func(s1, _ *block) { s1.digest(Scheme0)[0] ^= 1 }, err: "handshake: S1: no valid digest"},
		{name: "S2 not signed", options: ClientOptions{Digest: Scheme0, Strict: true}, protocol: RTMP, scheme: Scheme0,
			alter: func(_, s2 *block) { s2[1535] ^= 1 }, err: "handshake: S2: signature is not valid"},
		{name: "S1 not signed, who cares", options: ClientOptions{Digest: Scheme0}, protocol: RTMP, scheme: Scheme0,
			alter: func(s1, _ *block) { s1.digest(Scheme0)[0] ^= 1 }},
		{name: "RTMPE is always strict", options: ClientOptions{Protocol: RTMPE}, protocol: RTMPE, scheme: Scheme1,
			alter: func(_, s2 *block) { s2[1535] ^= 1 }, err: "handshake: S2: signature is not valid"},
		{name: "RTMPE without S1's digest", options: ClientOptions{Protocol: RTMPE}, protocol: RTMPE, scheme: Scheme1,
			alter: func(s1, _ *block) { s1.digest(Scheme1)[0] ^= 1 }, err: "handshake: S1: no valid digest"},
		{name: "RTMPE with a key of 1", options: ClientOptions{Protocol: RTMPE}, protocol: RTMPE, scheme: Scheme1,
			alter: func(s1, _ *block) {
				big.NewInt(1).FillBytes(s1.publicKey(Scheme1))
				s1.sign(Scheme1, serverName)
			}, err: "handshake: S1: public key out of range"},
		{name: "RTMP in answer to RTMPE", options: ClientOptions{Protocol: RTMPE}, protocol: RTMP, scheme: Scheme1,
			err: "handshake: S0: version 3 in answer to 6"},
		{name: "RTMPE in answer to RTMP", options: ClientOptions{Digest: Scheme1}, protocol: RTMPE, scheme: Scheme1,
			err: "handshake: S0: version 6 in answer to 3"},
		{name: "HTTP", options: ClientOptions{Digest: Scheme1}, protocol: 'H', scheme: Scheme1,
			err: "handshake: S0: version 72 in answer to 3"},
		{name: "no such protocol", options: ClientOptions{Protocol: 5, Digest: Scheme1}, protocol: RTMP, scheme: Scheme1,
			err: "handshake: C0: no such protocol 5 or scheme 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			asked := c.options.Protocol
			if !asked.known() {
				asked = RTMP
			}
			d := c.options.Digest
			if d == NoDigest {
				d = Scheme1
			}
			c1 := clientHello(t, asked, d, nil)[1:]
			conn := &scriptConn{in: bytes.NewReader(serverAnswer(t, c1, c.protocol, c.scheme, c.alter))}
			c.options.Rand = deterministic()
			result, err := Client(conn, &c.options)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c1, conn.out.Bytes()[1:1+blockSize])
			require.Equal(t, c.digest, result.Digest)
			require.Equal(t, c.protocol, result.Protocol)
		})
	}
}

var errBroken = errors.New("broken")

// brokenConn fails each Write.
type brokenConn struct{ scriptConn }

func (c *brokenConn) Write([]byte) (int, error) { return 0, errBroken }

func TestBrokenConnAndRand(t *testing.T) {
	t.Parallel()
	hello := clientHello(t, RTMPE, Scheme1, nil)
	_, err := Server(&brokenConn{scriptConn{in: bytes.NewReader(hello)}}, nil)
	require.ErrorIs(t, err, errBroken)
	_, err = Client(&brokenConn{}, nil)
	require.ErrorIs(t, err, errBroken)

	needed := int64(blockSize - 8 + privateKeySize + signedSize)
	for _, n := range []int64{0, 1000, blockSize - 8, needed - 1} {
		random := io.MultiReader(io.LimitReader(deterministic(), n), iotest.ErrReader(errBroken))
		_, err = Server(&scriptConn{in: bytes.NewReader(hello)}, &ServerOptions{Rand: random})
		require.ErrorIs(t, err, errBroken)
	}
	for _, n := range []int64{0, blockSize - 8} {
		random := io.MultiReader(io.LimitReader(deterministic(), n), iotest.ErrReader(errBroken))
		_, err = Client(&scriptConn{}, &ClientOptions{Protocol: RTMPE, Rand: random})
		require.ErrorIs(t, err, errBroken)
	}
}

// ceiling is what one handshake may allocate.
const ceiling = 1 << 20

// requireFrugal asserts that f allocates less than the ceiling.
func requireFrugal(t *testing.T, f func()) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(ceiling))
}

// The fuzz tests alter a block that is deterministic, and sign it afterwards if told so: whole blocks for input would
// never bear a valid digest, and would keep the fuzzing engine minimizing them.

func FuzzServer(f *testing.F) {
	zero := make([]byte, publicKeySize)
	for _, p := range []Protocol{RTMP, RTMPE, RTMPEXTEA, RTMPEBlowfish} {
		f.Add(uint8(p), uint8(NoDigest), uint16(0), zero[:8], uint16(blockSize), uint16(blockSize))
		f.Add(uint8(p), uint8(Scheme0), uint16(1532), []byte{255, 255, 255, 255}, uint16(blockSize), uint16(blockSize))
		f.Add(uint8(p), uint8(Scheme1), uint16(8), zero, uint16(blockSize), uint16(blockSize))
		f.Add(uint8(p), uint8(Scheme1), uint16(768), []byte{255, 255, 255, 255}, uint16(blockSize), uint16(10))
	}
	f.Add(uint8('G'), uint8(NoDigest), uint16(0), []byte("ET / HTTP/1.1"), uint16(40), uint16(0))
	f.Fuzz(func(t *testing.T, p, scheme uint8, at uint16, patch []byte, c1Size, c2Size uint16) {
		c1 := patched(at, patch, Digest(scheme), playerName)
		sent := append([]byte{p}, c1[:min(int(c1Size), blockSize)]...)
		sent = append(sent, make([]byte, c2Size)...)
		in := bytes.NewReader(sent)
		conn := &scriptConn{in: in}
		requireFrugal(t, func() {
			result, err := Server(conn, &ServerOptions{Rand: deterministic()})
			requireOutcome(t, conn, result, err)
		})
		require.LessOrEqual(t, len(sent)-in.Len(), 1+2*blockSize, "bytes read")
		if answered := conn.out.Len(); answered != 0 {
			require.Equal(t, 1+2*blockSize, answered)
		}
	})
}

func FuzzClient(f *testing.F) {
	zero := make([]byte, publicKeySize)
	for _, p := range []Protocol{RTMP, RTMPE, RTMPEXTEA, RTMPEBlowfish} {
		f.Add(uint8(p), uint8(NoDigest), false, uint8(p), uint8(NoDigest), uint16(0), zero[:8], uint16(blockSize))
		f.Add(uint8(p), uint8(Scheme0), true, uint8(p), uint8(Scheme0), uint16(1532), []byte{255, 255, 255, 255}, uint16(blockSize))
		f.Add(uint8(p), uint8(Scheme1), false, uint8(p), uint8(Scheme1), uint16(8), zero, uint16(blockSize))
		f.Add(uint8(p), uint8(Scheme1), true, uint8(RTMPE), uint8(Scheme0), uint16(0), zero[:0], uint16(10))
	}
	f.Fuzz(func(t *testing.T, p, d uint8, strict bool, s0, scheme uint8, at uint16, patch []byte, s2Size uint16) {
		s1 := patched(at, patch, Digest(scheme), serverName)
		sent := append([]byte{s0}, s1[:]...)
		if own := (question{protocol: Protocol(p), scheme: Digest(d), random: deterministic()}); own.make() == nil {
			var s2 block
			require.NoError(t, s2.reply(Protocol(s0), serverName, own.c1.digest(own.scheme), deterministic()))
			sent = append(sent, s2[:min(int(s2Size), blockSize)]...)
		}
		in := bytes.NewReader(sent)
		conn := &scriptConn{in: in}
		requireFrugal(t, func() {
			options := &ClientOptions{Protocol: Protocol(p), Digest: Digest(d), Strict: strict, Rand: deterministic()}
			result, err := Client(conn, options)
			requireOutcome(t, conn, result, err)
		})
	})
}

// patched is a block with a patch in it, signed after that unless d is none of the schemes.
func patched(at uint16, patch []byte, d Digest, name string) *block {
	var b block
	if err := b.randomize(deterministic()); err != nil {
		panic(err)
	}
	b.setVersion(playerVersion1)
	copy(b[int(at)%blockSize:], patch)
	if d == Scheme0 || d == Scheme1 {
		b.sign(d, name)
	}
	return &b
}

// requireOutcome asserts that there is either a typed error or a connection.
func requireOutcome(t *testing.T, conn net.Conn, result *Result, err error) {
	if err != nil {
		var typed *Error
		require.ErrorAs(t, err, &typed)
		require.Nil(t, result)
		return
	}
	require.NotNil(t, result.Conn)
	require.Equal(t, !result.Protocol.encrypted(), result.Conn == conn)
}
