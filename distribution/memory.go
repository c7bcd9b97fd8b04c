package distribution

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Memory is a Set that is kept in memory and can be changed while it is in use. The zero value is empty. Readers take no
// lock. Errors are of type *Error.
type Memory struct {
	mu    sync.Mutex // held by writers
	table atomic.Pointer[Table]
}

// ByHost implements Set.
func (m *Memory) ByHost(host string) *Distribution { return m.now().ByHost(host) }

// ByID implements Set.
func (m *Memory) ByID(id string) *Distribution { return m.now().ByID(id) }

// All are the distributions, in the order of their creation.
func (m *Memory) All() []*Distribution { return m.now().All() }

func (m *Memory) now() *Table {
	if t := m.table.Load(); t != nil {
		return t
	}
	return new(Table)
}

// Create makes a distribution. With the caller reference of one that exists it returns that, if the configuration is
// the same as well, and else fails with StreamingDistributionAlreadyExists.
func (m *Memory) Create(c Config) (*Distribution, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := New(c)
	if err != nil {
		return nil, err
	}
	if old := m.byReference(c.CallerReference); old != nil {
		if !old.Config.Equal(&c) {
			return nil, refuse(StreamingDistributionAlreadyExists, "The caller reference that you are using to create a streaming distribution is associated with another one.")
		}
		return old, nil
	}
	return m.put(d)
}

// Load makes the distribution that Parse has read, or replaces the one of the same ID or, for want of an ID, of the same
// caller reference.
func (m *Memory) Load(d *Distribution) (*Distribution, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.ByID(d.ID)
	if old == nil && d.ID == "" {
		old = m.byReference(d.Config.CallerReference)
	}
	next := *d
	if old != nil {
		next.ID = old.ID
		if next.DomainName == "" {
			next.DomainName = old.DomainName
		}
		if next.ETag == old.ETag && !next.Config.Equal(&old.Config) { // a file that was edited after its export
			next.ETag = ""
		}
	}
	loaded, err := next.complete()
	if err != nil {
		return nil, err
	}
	if same := m.byReference(loaded.Config.CallerReference); same != nil && same.ID != loaded.ID {
		return nil, refuse(StreamingDistributionAlreadyExists, "The caller reference %q belongs to %s.", loaded.Config.CallerReference, same.ID)
	}
	return m.put(loaded)
}

// Update replaces a distribution's configuration, all of it. etag is that of the version that the caller has seen.
func (m *Memory) Update(id, etag string, c Config) (*Distribution, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, err := m.seen(id, etag)
	if err != nil {
		return nil, err
	}
	d, err := old.WithConfig(c)
	if err != nil {
		return nil, err
	}
	return m.put(d)
}

// Delete removes a distribution, which has to be disabled first.
func (m *Memory) Delete(id, etag string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, err := m.seen(id, etag)
	if err != nil {
		return err
	}
	if old.Config.Enabled {
		return refuse(StreamingDistributionNotDisabled, "The distribution %s is not disabled.", id)
	}
	rest := slices.DeleteFunc(slices.Clone(m.All()), func(d *Distribution) bool { return d == old })
	return m.replace(rest)
}

// seen is the distribution of an id, if the caller knows its present version.
func (m *Memory) seen(id, etag string) (*Distribution, error) {
	d := m.ByID(id)
	switch {
	case d == nil:
		return nil, refuse(NoSuchStreamingDistribution, "The specified streaming distribution does not exist: %s.", id)
	case etag == "":
		return nil, refuse(InvalidIfMatchVersion, "The If-Match version is missing or not valid for the resource.")
	case etag != d.ETag:
		return nil, refuse(PreconditionFailed, "The request failed because it didn't meet the preconditions in one or more request-header fields.")
	}
	return d, nil
}

func (m *Memory) byReference(reference string) *Distribution {
	for _, d := range m.All() {
		if d.Config.CallerReference == reference {
			return d
		}
	}
	return nil
}

// put adds d in the place of the version before it. What is in memory is deployed at once.
func (m *Memory) put(d *Distribution) (*Distribution, error) {
	deployed := *d
	deployed.Status = StatusDeployed
	all := slices.Clone(m.All())
	if i := slices.IndexFunc(all, func(old *Distribution) bool { return old.ID == d.ID }); i >= 0 {
		all[i] = &deployed
	} else {
		all = append(all, &deployed)
	}
	if err := m.replace(all); err != nil {
		return nil, err
	}
	return &deployed, nil
}

func (m *Memory) replace(all []*Distribution) error {
	t, err := NewTable(all...)
	if err == nil {
		m.table.Store(t)
	}
	return err
}
