package distribution_test

import (
	"context"
	"errors"
	"fmt"
	"testing/fstest"
	"time"

	"github.com/seed-3309b198/reelfront/distribution"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
	"github.com/seed-3309b198/reelfront/signer"
)

func ExampleEdge() {
	set := new(distribution.Memory)
	_, err := set.Create(distribution.Config{
		CallerReference: "2020-06-15",
		S3Origin:        distribution.S3Origin{DomainName: "films.s3.amazonaws.com"},
		Aliases:         []string{"rtmp.example.com"},
		Enabled:         true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	edge := &distribution.Edge{
		Set: set,
		Origins: func(_ context.Context, bucket, _ string) (origin.Origin, error) {
			fmt.Println("open", bucket)
			return origin.FS(fstest.MapFS{}), nil
		},
	}
	for _, url := range []string{"rtmp://rtmp.example.com/cfx/st", "rtmp://example.com/cfx/st"} {
		_, err := edge.Connect(context.Background(), &rtmp.ConnectRequest{App: "cfx/st", TCURL: url})
		fmt.Println(err)
	}
	// Output:
	// open films
	// <nil>
	// NetConnection.Connect.Rejected: [ Server.Reject ] : (_defaultRoot_, _defaultVHost_) : DistributionNotFound.: host "example.com"
}

// Guests, whose names are not signed at all, see the first half minute of each film. What else is wrong with a signature is
// refused as before.
func ExampleAuthorization() {
	edge := &distribution.Edge{
		Authorizer: func(_ context.Context, a *distribution.Authorization) (vod.Grant, error) {
			if errors.Is(a.Err, signer.ErrMissing) {
				return vod.Grant{Keys: a.Keys, End: 30 * time.Second}, nil
			}
			return a.Grant, a.Err
		},
	}
	fmt.Println(edge.Authorizer(context.Background(), &distribution.Authorization{Keys: []string{"film.mp4"}, Err: signer.ErrMissing}))
	// Output:
	// {[film.mp4] 0s 30s} <nil>
}
