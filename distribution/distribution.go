package distribution

import (
	"strings"
	"time"
)

// Distribution is one version of a distribution. It is never changed once made.
type Distribution struct {
	ID         string // "EGTXBD79EXAMPLE"
	DomainName string // "s5c39gqb8ow64r.cloudfront.net"
	// ETag names the version: of one ID, no two have the same. "" is a version of its own.
	ETag         string
	LastModified time.Time
	// Status is "Deployed" when every edge has this version, and "InProgress" before.
	Status string
	Config Config
}

// The statuses of a distribution.
const (
	StatusInProgress = "InProgress"
	StatusDeployed   = "Deployed"
)

// New makes a distribution with an ID, a DomainName and an ETag of CloudFront's form. It fails with an *Error where the
// configuration is not valid.
func New(c Config) (*Distribution, error) {
	return (&Distribution{Config: c}).complete()
}

// WithConfig makes the next version of the distribution. It fails with an *Error where the configuration is not valid,
// or changes what cannot be changed: the bucket and the caller reference.
func (d *Distribution) WithConfig(c Config) (*Distribution, error) {
	if c.CallerReference != d.Config.CallerReference || c.S3Origin.DomainName != d.Config.S3Origin.DomainName {
		return nil, refuse(IllegalUpdate, "Origin and CallerReference cannot be updated.")
	}
	return (&Distribution{ID: d.ID, DomainName: d.DomainName, Config: c}).complete()
}

// sameVersion tells whether both are one version of one distribution; of those without an ETag each is a version of its own.
func (d *Distribution) sameVersion(other *Distribution) bool {
	return d == other || (d.ID == other.ID && d.ETag == other.ETag && d.ETag != "")
}

// complete makes a valid version of d that has all that a distribution has.
func (d *Distribution) complete() (*Distribution, error) {
	n := *d
	n.Config = d.Config.normal()
	if err := n.check(); err != nil {
		return nil, err
	}
	if n.ID == "" {
		n.ID = newID()
	}
	if n.DomainName == "" {
		n.DomainName = newDomainName()
	}
	if n.ETag == "" {
		n.ETag = newID()
	}
	if n.Status == "" {
		n.Status = StatusInProgress
	}
	if n.LastModified.IsZero() {
		n.LastModified = time.Now().UTC().Truncate(time.Millisecond)
	}
	return &n, nil
}

// check validates the configuration and the names that d has already.
func (d *Distribution) check() error {
	if d.ID != "" && !isID(d.ID) {
		return refuse(InvalidArgument, "The parameter Id is not valid: %q.", d.ID)
	}
	if d.DomainName != "" && (!isHostName(d.DomainName) || !strings.Contains(d.DomainName, ".")) {
		return refuse(InvalidArgument, "The parameter DomainName is not valid: %q.", d.DomainName)
	}
	return d.Config.Validate()
}
