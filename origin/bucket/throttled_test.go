package bucket

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
)

type codedError string

func (e codedError) Error() string     { return "api error " + string(e) }
func (e codedError) ErrorCode() string { return string(e) }

// azureError is what the Azure SDK says of an answer.
func azureError(status, code string) error {
	const line = "--------------------------------------------------------------------------------\n"
	return errors.New("GET https://films.blob.core.windows.net/films/a.mp4\n" + line + "RESPONSE " + status + "\nERROR CODE: " + code + "\n" + line)
}

func TestThrottled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{codedError("SlowDown"), true},
		{fmt.Errorf("read: %w", codedError("TooManyRequests")), true},
		{codedError("InternalError"), false},
		{azureError("503: 503 The server is busy.", "ServerBusy"), true},
		{azureError("500: 500 Operation could not be completed within the specified time.", "OperationTimedOut"), false},
		{azureError("403: 403 This request is not authorized.", "AuthorizationFailure"), false},
	} {
		require.Equal(t, c.want, errors.Is(transient(t.Context(), c.err), origin.ErrThrottled), "%v", c.err)
	}
}
