package distribution

// CloudFront's quotas and limits (CloudFront developer guide, "Quotas"; API reference, "StreamingDistributionConfig").
const (
	maxComment        = 128 // characters
	maxCNAMEs         = 100
	maxTrustedSigners = 5
	defaultActiveKeys = 2 // of one account

	maxHostBytes  = 253 // RFC 1035, 2.3.4, as text
	maxLabelBytes = 63
	maxFileBytes  = 1 << 20 // of a configuration as JSON

	maxKeyIDBytes      = 128
	defaultMaxRefusals = 5 // on one connection

	randomIDChars = 13 // behind the E of an id and the s of a domain name
)
