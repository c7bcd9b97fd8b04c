package distribution

import (
	"crypto"
	"net"
	"net/netip"

	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
	"github.com/seed-3309b198/reelfront/signer"
)

// verify returns those of keys that a stream name is signed for, by a trusted signer of the distribution.
func (e *Edge) verify(d *Distribution, r *rtmp.PlayRequest, p vod.Path, keys []string) ([]string, error) {
	v := signer.Verifier{
		Now: e.Now,
		Key: func(id string) crypto.PublicKey {
			if e.Keys == nil {
				return nil
			}
			return e.Keys.find(d.Config.TrustedSigners.Items, id)
		},
	}
	granted, err := v.Verify(signedName(p), keys, viewer(r.Connect))
	if len(keys) == 0 { // a name that can be no object's
		granted = nil
	}
	return granted, err
}

// signedName is the stream name as it was before the client cut it into app and name.
func signedName(p vod.Path) string {
	name := p.Name + "?" + p.Query
	if p.Prefix != "" {
		name = p.Prefix + ":" + name
	}
	return name
}

// viewer is the address that a connection comes from; the zero Addr where it is none of the Internet's.
func viewer(r *rtmp.ConnectRequest) netip.Addr {
	if r == nil || r.RemoteAddr == nil {
		return netip.Addr{}
	}
	if tcp, ok := r.RemoteAddr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr()
	}
	ap, err := netip.ParseAddrPort(r.RemoteAddr.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr()
}
