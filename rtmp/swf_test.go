package rtmp

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/seed-3309b198/reelfront/rtmp/handshake"
)

// makeSWF is a SWF file with the given body.
func makeSWF(t testing.TB, compressed bool, body []byte) []byte {
	header := binary.LittleEndian.AppendUint32([]byte("FWS\x0a"), uint32(8+len(body)))
	if !compressed {
		return append(header, body...)
	}
	header[0] = 'C'
	file := bytes.NewBuffer(header)
	w := zlib.NewWriter(file)
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return file.Bytes()
}

func TestHashSWF(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("a Flash program "), 1000)
	plain, err := HashSWF(bytes.NewReader(makeSWF(t, false, body)))
	require.NoError(t, err)
	require.EqualValues(t, 8+len(body), plain.Size)
	packed, err := HashSWF(bytes.NewReader(makeSWF(t, true, body)))
	require.NoError(t, err)
	require.Equal(t, plain, packed)
	other, err := HashSWF(bytes.NewReader(makeSWF(t, false, body[1:])))
	require.NoError(t, err)
	require.NotEqual(t, plain.Hash, other.Hash)

	whole := makeSWF(t, true, body)
	for name, file := range map[string][]byte{
		"empty": nil, "short header": []byte("FWS\x0a"), "LZMA": []byte("ZWS\x0a\x00\x00\x00\x00"), "no SWF": []byte("<html><body>"),
		"broken": append(bytes.Clone(whole[:8]), "garbage"...), "cut off": whole[:len(whole)-5],
	} {
		_, err := HashSWF(bytes.NewReader(file))
		require.Error(t, err, name)
	}
}

func FuzzHashSWF(f *testing.F) {
	f.Add(makeSWF(f, false, []byte("body")))
	f.Add(makeSWF(f, true, []byte("body")))
	f.Add([]byte("ZWS\x0a\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		swf, err := HashSWF(bytes.NewReader(file))
		if err == nil && file[0] == 'F' {
			require.EqualValues(t, len(file), swf.Size)
		}
	})
}

// signed shakes hands with digests, connects, and returns the key of SWF verification.
func (p *peer) signed() (key []byte) {
	result, err := handshake.Client(p.conn, &handshake.ClientOptions{Digest: handshake.Scheme0, Strict: true})
	require.NoError(p.t, err)
	p.in = chunk.NewReader(p.conn, chunk.Limits{})
	p.send(0, "connect", 1.0, amf.Object{{Key: "app", Value: "vod"}})
	p.until("onBWDone")
	return result.SWFKey[:]
}

func (p *peer) prove(proof []byte) {
	body := append([]byte{0, byte(chunk.EventSWFVerifyReply)}, proof...)
	p.tryWrite(chunk.Append(nil, &chunk.Message{ChunkStream: 2, Type: chunk.TypeUserControl, Payload: body}, 128))
}

// answers tells whether the server still answers.
func (p *peer) answers() bool {
	p.tryWrite(encoder{128}.command(nil, 3, 0, 0, "createStream", 2.0, nil))
	for {
		m, ok := p.read()
		if !ok || m.String() == "_result" {
			return ok
		}
	}
}

func TestSWFVerification(t *testing.T) {
	known := []SWF{{Size: 1000, Hash: [32]byte{1}}, {Size: 2000, Hash: [32]byte{2}}}
	changed := func(at int) func(p *peer, key []byte) {
		return func(p *peer, key []byte) {
			proof := known[0].proof(key)
			proof[at]++
			p.prove(proof)
		}
	}
	tests := []struct {
		name  string
		prove func(p *peer, key []byte)
		lives bool
	}{
		{"first", func(p *peer, key []byte) { p.prove(known[0].proof(key)) }, true},
		{"second", func(p *peer, key []byte) { p.prove(known[1].proof(key)) }, true},
		{"twice", func(p *peer, key []byte) { p.prove(known[0].proof(key)); p.prove(known[0].proof(key)) }, true},
		{"never", func(*peer, []byte) {}, false},
		{"unknown file", func(p *peer, key []byte) { p.prove((&SWF{Size: 1000}).proof(key)) }, false},
		{"other connection", func(p *peer, _ []byte) { p.prove(known[0].proof(make([]byte, 32))) }, false},
		{"empty", func(p *peer, _ []byte) { p.prove(nil) }, false},
		{"short", func(p *peer, key []byte) { p.prove(known[0].proof(key)[:41]) }, false},
		{"long", func(p *peer, key []byte) { p.prove(append(known[0].proof(key), 0)) }, false},
		{"other version", changed(0), false},
		{"other size", changed(5), false},
		{"other second size", changed(9), false},
		{"other signature", changed(41), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &Server{VerifySWF: func(r *ConnectRequest) []SWF {
				require.Equal(t, "vod", r.App)
				return known
			}}
			bubble(t, s, func(t *testing.T, h *house) {
				p := h.peer(t)
				key := p.signed()
				request := p.next()
				require.Equal(t, []byte{0, 26, 1}, request.Payload)
				require.True(t, p.answers(), "within the time of grace")
				tt.prove(p, key)
				time.Sleep(11 * time.Second)
				synctest.Wait()
				require.Equal(t, tt.lives, p.answers())
			})
		})
	}
}

func TestSWFVerificationNeedsDigests(t *testing.T) {
	app := &callee{cinema: newCinema()}
	s := &Server{
		Handler:   HandlerFunc(func(context.Context, *ConnectRequest) (App, error) { return app, nil }),
		VerifySWF: func(*ConnectRequest) []SWF { return []SWF{{}} },
	}
	bubble(t, s, func(t *testing.T, h *house) {
		p := h.peer(t).handshake()
		p.send(0, "connect", 1.0, amf.Object{{Key: "app", Value: "vod"}})
		got := p.ended()
		require.Equal(t, []string{"_error", "close"}, names(got))
		require.Equal(t, CodeConnectRejected, got[0].info().String("code"))
	})
	require.True(t, app.closed)
}

// TestSWFVerificationUnasked has a player prove what nobody wants to know, on a server that asks some clients and one that
// asks none.
func TestSWFVerificationUnasked(t *testing.T) {
	for _, s := range []*Server{{}, {VerifySWF: func(*ConnectRequest) []SWF { return nil }}} {
		bubble(t, s, func(t *testing.T, h *house) {
			p := h.peer(t)
			p.signed()
			p.prove([]byte("whatever"))
			require.True(t, p.answers())
		})
	}
}
