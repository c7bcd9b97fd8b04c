package distribution

import "fmt"

// ErrorCode is the code of an error of CloudFront's API.
type ErrorCode string

// The codes (CloudFront API reference, CreateStreamingDistribution, UpdateStreamingDistribution and
// DeleteStreamingDistribution).
const (
	InvalidArgument                    ErrorCode = "InvalidArgument"
	InconsistentQuantities             ErrorCode = "InconsistentQuantities"
	InvalidOrigin                      ErrorCode = "InvalidOrigin"
	InvalidOriginAccessIdentity        ErrorCode = "InvalidOriginAccessIdentity"
	CNAMEAlreadyExists                 ErrorCode = "CNAMEAlreadyExists"
	TooManyStreamingDistributionCNAMEs ErrorCode = "TooManyStreamingDistributionCNAMEs"
	TooManyTrustedSigners              ErrorCode = "TooManyTrustedSigners"
	TrustedSignerDoesNotExist          ErrorCode = "TrustedSignerDoesNotExist"
	StreamingDistributionAlreadyExists ErrorCode = "StreamingDistributionAlreadyExists"
	NoSuchStreamingDistribution        ErrorCode = "NoSuchStreamingDistribution"
	StreamingDistributionNotDisabled   ErrorCode = "StreamingDistributionNotDisabled"
	IllegalUpdate                      ErrorCode = "IllegalUpdate"
	InvalidIfMatchVersion              ErrorCode = "InvalidIfMatchVersion"
	PreconditionFailed                 ErrorCode = "PreconditionFailed"
)

// Error is the refusal of a configuration or of a change, as CloudFront named it.
type Error struct {
	Code    ErrorCode
	Message string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

func refuse(code ErrorCode, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
