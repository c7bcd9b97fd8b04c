package signer

// What a name may ask of us.
const (
	maxName      = 16 << 10 // bytes of a name with all its parameters
	maxPolicy    = 8 << 10  // bytes of a policy, decoded
	maxResource  = 1536     // bytes of a resource; a key of S3 has at most 1024
	maxSignature = 512      // bytes of a signature, decoded: RSA of 4096 bits
	maxKeys      = 8        // keys that one name may mean
	maxResources = 16       // forms of resource, each of which costs a verification
	minRSABits   = 1024
	maxRSABits   = 4096
	weakRSABits  = 2048 // fewer than these are weak
)
