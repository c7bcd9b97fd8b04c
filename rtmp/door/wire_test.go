package door

import (
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWriteDeadlines has a reader that takes a byte every now and then.
func TestWriteDeadlines(t *testing.T) {
	tests := []struct {
		name         string
		every, given time.Duration // 0 for never
		end          time.Duration // 0 for when all is written
	}{
		{"stalled", 0, 0, time.Minute},
		{"slow", 50 * time.Second, 0, 0},
		{"given", 0, 5 * time.Second, 5 * time.Second},
		{"given, slow", 2 * time.Second, 5 * time.Second, 5 * time.Second},
		{"given too late", 0, time.Hour, time.Minute},
		{"given in the past", time.Second, -time.Second, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				wired := newWire(a, &terms{epoch: time.Now(), write: time.Minute})
				nc := &wired
				if tt.every > 0 {
					go func() {
						for {
							time.Sleep(tt.every)
							if _, err := b.Read(make([]byte, 1)); err != nil {
								return
							}
						}
					}()
				}
				if tt.given != 0 {
					require.NoError(t, nc.SetWriteDeadline(time.Now().Add(tt.given)))
				}
				began := time.Now()
				n, err := io.WriteString(nc, "slowly")
				switch {
				case tt.given < 0:
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
					require.Zero(t, n)
				case tt.end == 0:
					require.NoError(t, err)
				default:
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
					require.Equal(t, tt.end, time.Since(began))
				}
				if tt.given != 0 {
					require.NoError(t, nc.SetWriteDeadline(time.Time{}))
					go func() { _, _ = io.Copy(io.Discard, b) }()
					_, err = io.WriteString(nc, "again")
					require.NoError(t, err)
				}
				require.NoError(t, nc.Close())
				require.NoError(t, b.Close())
				time.Sleep(tt.every) // for the reader to notice
			})
		})
	}
}
