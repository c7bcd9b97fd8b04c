package distribution_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/seed-3309b198/reelfront/distribution"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
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
	// NetConnection.Connect.Rejected: [ Server.Reject ] : (_defaultRoot_, _defaultVHost_) : DistributionNotFound.
}
