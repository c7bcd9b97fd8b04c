package distribution

import "strings"

// Set is the distributions that an Edge serves. It is safe for concurrent use, and its methods do not block: an Edge asks
// it for each connection and each play.
type Set interface {
	// ByHost is the distribution that a host name belongs to, nil for none. The name is in lower case, without port and
	// trailing dot. Domain names and CNAMEs go before wildcards, and longer wildcards before shorter ones.
	ByHost(host string) *Distribution
	// ByID is the distribution of an id, nil for none.
	ByID(id string) *Distribution
}

// Table is a Set that never changes. A Set that does makes another Table and replaces the one it had.
type Table struct {
	all       []*Distribution
	ids       map[string]*Distribution
	hosts     map[string]*Distribution // by domain names and CNAMEs
	wildcards map[string]*Distribution // "*.example.com" as ".example.com"
}

// NewTable makes a Table of distributions. It fails with an *Error where two of them claim the same id or name, or one has
// none: what Parse returns may lack both, which Memory.Load gives to it.
func NewTable(all ...*Distribution) (*Table, error) {
	t := &Table{
		all:       all,
		ids:       make(map[string]*Distribution, len(all)),
		hosts:     make(map[string]*Distribution, len(all)),
		wildcards: make(map[string]*Distribution),
	}
	for _, d := range all {
		if d.ID == "" || d.DomainName == "" {
			return nil, refuse(InvalidArgument, "A distribution has no Id or no DomainName; its caller reference is %q.", d.Config.CallerReference)
		}
		if t.ids[d.ID] != nil {
			return nil, refuse(StreamingDistributionAlreadyExists, "There is a distribution %s already.", d.ID)
		}
		t.ids[d.ID] = d
		if err := claim(t.hosts, d.DomainName, d); err != nil {
			return nil, err
		}
		for _, alias := range d.Config.Aliases {
			names := t.hosts
			if suffix, ok := strings.CutPrefix(alias, "*"); ok {
				names, alias = t.wildcards, suffix
			}
			if err := claim(names, alias, d); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

func claim(names map[string]*Distribution, name string, d *Distribution) error {
	if names[name] != nil {
		return refuse(CNAMEAlreadyExists, "One or more of the CNAMEs you provided are already associated with a different resource: %s.", name)
	}
	names[name] = d
	return nil
}

// All are the distributions in the order in which NewTable was given them. The slice is not to be changed.
func (t *Table) All() []*Distribution { return t.all }

// ByID implements Set.
func (t *Table) ByID(id string) *Distribution { return t.ids[id] }

// ByHost implements Set.
func (t *Table) ByHost(host string) *Distribution {
	if d := t.hosts[host]; d != nil || len(t.wildcards) == 0 {
		return d
	}
	for i := strings.IndexByte(host, '.'); i >= 0; i = strings.IndexByte(host, '.') {
		if d := t.wildcards[host[i:]]; d != nil {
			return d
		}
		host = host[i+1:]
	}
	return nil
}
