package distribution

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Config is a distribution's configuration: CloudFront's StreamingDistributionConfig, whose JSON it has. What CloudFront
// counts in a field Quantity is here the length of a slice.
type Config struct {
	// CallerReference is a string of the creator's that no other distribution has.
	CallerReference string
	S3Origin        S3Origin
	// Aliases are the host's own names for the distribution (CNAMEs), in lower case: "rtmp.example.com",
	// "*.example.com".
	Aliases []string
	// Comment has up to 128 characters.
	Comment        string
	Logging        Logging
	TrustedSigners TrustedSigners
	// PriceClass is kept, and changes nothing: edges are where the operator runs them. "" means PriceClassAll.
	PriceClass PriceClass
	// Enabled tells whether viewers may connect.
	Enabled bool
}

// S3Origin names the bucket that the media files are in.
type S3Origin struct {
	// DomainName is the bucket's: "films.s3.amazonaws.com", "films.s3.eu-west-1.amazonaws.com".
	DomainName string
	// OriginAccessIdentity is whom the bucket is read as: "origin-access-identity/cloudfront/E74FTE3AJFJ256A", or "" for
	// anybody.
	OriginAccessIdentity string
}

// Logging says where access logs go. The values of a log that is not enabled are dropped.
type Logging struct {
	Enabled bool
	Bucket  string // "logs.s3.amazonaws.com"
	Prefix  string
}

// TrustedSigners are the accounts whose keys sign stream names. When Enabled, nothing plays without a signature.
type TrustedSigners struct {
	Enabled bool
	// Items are account numbers of 12 digits, or "self" for the distribution's own; at most 5.
	Items []string
}

// Self is the trusted signer that is the distribution's own account.
const Self = "self"

// PriceClass is which of CloudFront's regions a distribution was served from.
type PriceClass string

// The price classes.
const (
	PriceClassAll PriceClass = "PriceClass_All"
	PriceClass200 PriceClass = "PriceClass_200"
	PriceClass100 PriceClass = "PriceClass_100"
)

// Bucket is the name of the bucket, and its region where DomainName has it. The name is "" where DomainName is not one
// that CloudFront took.
func (o S3Origin) Bucket() (name, region string) {
	host, ok := strings.CutSuffix(o.DomainName, ".amazonaws.com")
	if !ok {
		if host, ok = strings.CutSuffix(o.DomainName, ".amazonaws.com.cn"); !ok {
			return "", ""
		}
	}
	i := strings.LastIndex(host, ".s3")
	if i < 0 || !isBucketName(host[:i]) {
		return "", ""
	}
	name, region = host[:i], host[i+len(".s3"):]
	if region == "" {
		return name, ""
	}
	label := region[1:]
	if (region[0] != '.' && region[0] != '-') || !isLabel(label) || label == "accelerate" || strings.HasPrefix(label, "website") {
		return "", ""
	}
	return name, label
}

// Identity is the id of the origin access identity: "E74FTE3AJFJ256A", "" for none.
func (o S3Origin) Identity() string {
	return strings.TrimPrefix(o.OriginAccessIdentity, identityPrefix)
}

const identityPrefix = "origin-access-identity/cloudfront/"

// Validate checks the configuration as CloudFront did. It returns an *Error or nil.
func (c *Config) Validate() error {
	for _, check := range []func() *Error{c.checkTexts, c.checkOrigin, c.checkAliases, c.checkLogging, c.checkSigners} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkTexts() *Error {
	switch {
	case c.CallerReference == "":
		return refuse(InvalidArgument, "The parameter CallerReference is required.")
	case utf8.RuneCountInString(c.Comment) > maxComment:
		return refuse(InvalidArgument, "The parameter Comment is too long: it may have %d characters.", maxComment)
	}
	switch c.PriceClass {
	case "", PriceClassAll, PriceClass200, PriceClass100:
		return nil
	}
	return refuse(InvalidArgument, "The parameter PriceClass is invalid: %q.", c.PriceClass)
}

func (c *Config) checkOrigin() *Error {
	if name, _ := c.S3Origin.Bucket(); name == "" {
		return refuse(InvalidOrigin, "The specified origin server does not exist or is not valid: %q is not of the form bucket.s3.amazonaws.com.",
			c.S3Origin.DomainName)
	}
	identity := c.S3Origin.OriginAccessIdentity
	if id, ok := strings.CutPrefix(identity, identityPrefix); identity != "" && (!ok || !isID(id)) {
		return refuse(InvalidOriginAccessIdentity, "The origin access identity is not valid: %q is not of the form %sID.", identity, identityPrefix)
	}
	return nil
}

func (c *Config) checkAliases() *Error {
	if len(c.Aliases) > maxCNAMEs {
		return refuse(TooManyStreamingDistributionCNAMEs, "A distribution may have %d CNAMEs.", maxCNAMEs)
	}
	for i, alias := range c.Aliases {
		if !isAlias(alias) {
			return refuse(InvalidArgument, "The parameter CNAME contains one or more parameters that are not valid: %q.", alias)
		}
		if slices.Contains(c.Aliases[:i], alias) {
			return refuse(InvalidArgument, "The parameter CNAME contains %q twice.", alias)
		}
	}
	return nil
}

func (c *Config) checkLogging() *Error {
	if !c.Logging.Enabled {
		return nil
	}
	if name, _ := (S3Origin{DomainName: c.Logging.Bucket}).Bucket(); name == "" {
		return refuse(InvalidArgument, "The parameter Logging Bucket is not of the form bucket.s3.amazonaws.com: %q.", c.Logging.Bucket)
	}
	return nil
}

func (c *Config) checkSigners() *Error {
	s := c.TrustedSigners
	switch {
	case s.Enabled != (len(s.Items) > 0):
		return refuse(InvalidArgument, "The parameter TrustedSigners is enabled if and only if it has items.")
	case len(s.Items) > maxTrustedSigners:
		return refuse(TooManyTrustedSigners, "A distribution may have %d trusted signers.", maxTrustedSigners)
	}
	for _, account := range s.Items {
		if account != Self && !isAccount(account) {
			return refuse(TrustedSignerDoesNotExist, "The trusted signer %q is neither %s nor an account number.", account, Self)
		}
	}
	return nil
}

// Equal reports whether two configurations say the same.
func (c *Config) Equal(other *Config) bool {
	a, b := c.normal(), other.normal()
	return a.CallerReference == b.CallerReference && a.S3Origin == b.S3Origin && slices.Equal(a.Aliases, b.Aliases) &&
		a.Comment == b.Comment && a.Logging == b.Logging && a.TrustedSigners.Enabled == b.TrustedSigners.Enabled &&
		slices.Equal(a.TrustedSigners.Items, b.TrustedSigners.Items) && a.PriceClass == b.PriceClass && a.Enabled == b.Enabled
}

// normal is a copy of the configuration as CloudFront kept it: with the default price class, and without the values of
// a log that is not written. It shares no memory with c.
func (c *Config) normal() Config {
	n := *c
	n.Aliases = slices.Clone(c.Aliases)
	n.TrustedSigners.Items = slices.Clone(c.TrustedSigners.Items)
	if n.PriceClass == "" {
		n.PriceClass = PriceClassAll
	}
	if !n.Logging.Enabled {
		n.Logging = Logging{}
	}
	return n
}
