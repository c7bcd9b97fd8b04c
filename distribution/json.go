package distribution

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// The configuration as CloudFront writes it. What is required there is a pointer here, so that it can be missed: a
// configuration whose trusted signers were misspelt must not become a public one.
type (
	configJSON struct {
		CallerReference *string
		S3Origin        *S3Origin
		Aliases         *listJSON `json:",omitempty"`
		Comment         *string
		Logging         *Logging `json:",omitempty"`
		TrustedSigners  *signersJSON
		PriceClass      PriceClass `json:",omitempty"`
		Enabled         *bool
	}
	listJSON struct {
		Quantity int
		Items    []string `json:",omitempty"`
	}
	signersJSON struct {
		Enabled *bool
		listJSON
	}
)

// MarshalJSON implements json.Marshaler: the text is what the AWS command line prints of a StreamingDistributionConfig.
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(configJSON{
		CallerReference: &c.CallerReference,
		S3Origin:        &c.S3Origin,
		Aliases:         &listJSON{len(c.Aliases), c.Aliases},
		Comment:         &c.Comment,
		Logging:         &c.Logging,
		TrustedSigners:  &signersJSON{&c.TrustedSigners.Enabled, listJSON{len(c.TrustedSigners.Items), c.TrustedSigners.Items}},
		PriceClass:      c.PriceClass,
		Enabled:         &c.Enabled,
	})
}

// UnmarshalJSON implements json.Unmarshaler. Members that CloudFront does not have are errors, and so are those missing
// that it requires.
func (c *Config) UnmarshalJSON(data []byte) error {
	var j configJSON
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return refuse(InvalidArgument, "The configuration is not a StreamingDistributionConfig: %v.", err)
	}
	if name := j.missing(); name != "" {
		return refuse(InvalidArgument, "The parameter %s is required.", name)
	}
	n := Config{
		CallerReference: *j.CallerReference, S3Origin: *j.S3Origin, Comment: *j.Comment,
		TrustedSigners: TrustedSigners{Enabled: *j.TrustedSigners.Enabled, Items: j.TrustedSigners.Items},
		PriceClass:     j.PriceClass, Enabled: *j.Enabled,
	}
	if j.Logging != nil {
		n.Logging = *j.Logging
	}
	if j.Aliases != nil {
		n.Aliases = j.Aliases.Items
	}
	if !j.Aliases.consistent() || !j.TrustedSigners.consistent() {
		return refuse(InconsistentQuantities, "The value of Quantity and the size of Items do not match.")
	}
	*c = n
	return nil
}

// missing names the first member that is required and not there, "" for none.
func (j *configJSON) missing() string {
	switch {
	case j.CallerReference == nil:
		return "CallerReference"
	case j.S3Origin == nil:
		return "S3Origin"
	case j.Comment == nil:
		return "Comment"
	case j.TrustedSigners == nil:
		return "TrustedSigners"
	case j.TrustedSigners.Enabled == nil:
		return "TrustedSigners Enabled"
	case j.Enabled == nil:
		return "Enabled"
	}
	return ""
}

func (l *listJSON) consistent() bool { return l == nil || l.Quantity == len(l.Items) }

// Parse reads a distribution from what the AWS command line prints: the output of get-streaming-distribution-config or
// of get-streaming-distribution, whole, or a bare StreamingDistributionConfig. The configuration has been validated;
// ID, DomainName and ETag are what the text says, and "" where it does not.
func Parse(data []byte) (*Distribution, error) {
	if len(data) > maxFileBytes {
		return nil, refuse(InvalidArgument, "The configuration has more than %d bytes.", maxFileBytes)
	}
	var file struct {
		ETag                        string
		StreamingDistributionConfig *Config
		StreamingDistribution       *struct {
			ID                          string
			DomainName                  string
			StreamingDistributionConfig *Config
		}
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&file); err != nil {
		return nil, asError(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, refuse(InvalidArgument, "The configuration is followed by something else.")
	}
	d := &Distribution{ETag: file.ETag}
	config := file.StreamingDistributionConfig
	if whole := file.StreamingDistribution; whole != nil {
		d.ID, d.DomainName, config = whole.ID, whole.DomainName, whole.StreamingDistributionConfig
	}
	if config == nil {
		config = new(Config)
		if err := json.Unmarshal(data, config); err != nil {
			return nil, asError(err)
		}
	}
	d.Config = config.normal()
	if err := d.check(); err != nil {
		return nil, err
	}
	return d, nil
}

func asError(err error) error {
	if e := new(Error); errors.As(err, &e) {
		return e
	}
	return refuse(InvalidArgument, "The configuration is not valid JSON: %v.", err)
}
