package signer

import "errors"

// Why a name is refused. Tell viewers none of it: to them all refusals are the same.
var (
	ErrMissing      = errors.New("not signed")                            // a parameter is missing
	ErrMalformed    = errors.New("malformed signature")                   // a parameter or the policy cannot be read
	ErrUnknownKey   = errors.New("signed with a key that is not trusted") // by its id
	ErrBadSignature = errors.New("signature does not match")              // for a canned policy, also: of another object
	ErrResource     = errors.New("policy is for another resource")
	ErrExpired      = errors.New("policy has expired")
	ErrNotYetValid  = errors.New("policy is not yet valid")
	ErrAddress      = errors.New("policy is for other addresses")
)
