package distribution

import (
	"errors"

	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

var errNoKey = errors.New("no active key of a trusted signer")

// verify finds the keys that a signed stream name is good for. Until there is a key that it can be signed with, that is
// none.
func (e *Edge) verify(*Distribution, *rtmp.PlayRequest, vod.Path, []string) ([]string, error) {
	return nil, errNoKey
}
