package distribution

import (
	"crypto"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed-3309b198/reelfront/signer"
)

// Keys are the public keys of trusted signers: key pairs by account and id. The zero value has none. They can be added
// and removed while an Edge uses them; readers take no lock.
type Keys struct {
	// MaxActive is how many keys an account may have at a time. 0 means 2, as on CloudFront; a negative number means any.
	MaxActive int

	mu    sync.Mutex // held by writers
	table atomic.Pointer[map[string]map[string]crypto.PublicKey]
}

// Add makes a key, of those that signer.ParsePublicKey returns, a valid one of an account: an account number, or Self. It
// replaces the key of that id, if there is one. A key that signer.Weak tells of is taken, as CloudFront did.
func (k *Keys) Add(account, id string, key crypto.PublicKey) error {
	if account != Self && !isAccount(account) {
		return fmt.Errorf("distribution: %q is neither %s nor an account number of 12 digits", account, Self)
	}
	if !isKeyID(id) {
		return fmt.Errorf("distribution: %q cannot be the id of a key pair", id)
	}
	if err := signer.CheckKey(key); err != nil {
		return fmt.Errorf("distribution: key %s: %w", id, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := maps.Clone(k.of(account))
	if keys == nil {
		keys = make(map[string]crypto.PublicKey)
	}
	keys[id] = key
	if most := k.maxActive(); most >= 0 && len(keys) > most {
		return fmt.Errorf("distribution: account %s has %d active keys already", account, most)
	}
	k.replace(account, keys)
	return nil
}

// Remove makes a key invalid. What was signed with it plays no more.
func (k *Keys) Remove(account, id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := maps.Clone(k.of(account))
	delete(keys, id)
	k.replace(account, keys)
}

// IDs are the ids of an account's keys, in their alphabetical order.
func (k *Keys) IDs(account string) []string { return slices.Sorted(maps.Keys(k.of(account))) }

// find is the key of an id, if one of the accounts has it, and nil otherwise.
func (k *Keys) find(accounts []string, id string) crypto.PublicKey {
	for _, account := range accounts {
		if key, ok := k.of(account)[id]; ok {
			return key
		}
	}
	return nil
}

// any tells whether one of the accounts has a key.
func (k *Keys) any(accounts []string) bool {
	return k != nil && slices.ContainsFunc(accounts, func(account string) bool { return len(k.of(account)) > 0 })
}

func (k *Keys) of(account string) map[string]crypto.PublicKey {
	if t := k.table.Load(); t != nil {
		return (*t)[account]
	}
	return nil
}

func (k *Keys) replace(account string, keys map[string]crypto.PublicKey) {
	next := make(map[string]map[string]crypto.PublicKey)
	if t := k.table.Load(); t != nil {
		maps.Copy(next, *t)
	}
	if next[account] = keys; len(keys) == 0 {
		delete(next, account)
	}
	k.table.Store(&next)
}

func (k *Keys) maxActive() int {
	if k.MaxActive == 0 {
		return defaultActiveKeys
	}
	return max(k.MaxActive, -1)
}
