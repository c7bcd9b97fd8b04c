package origintest_test

import (
	"testing"

	"github.com/seed-3309b198/reelfront/origin/origintest"
)

// TestStore is the test of the example's origin.
func TestStore(t *testing.T) {
	t.Parallel()
	origintest.Run(t, func(*testing.T) origintest.Fixture {
		s := new(store)
		return origintest.Fixture{
			Origin: s,
			Put:    func(_ *testing.T, key string, data []byte) { s.put(key, data) },
			Remove: func(_ *testing.T, key string) { s.objects.Delete(key) },
		}
	})
}
