package flv

import "time"

const (
	// maxDataOffset bounds the header of a file; every known one has 9 bytes.
	maxDataOffset = 64 << 10
	// maxResync is how much junk between two tags is skipped.
	maxResync = 1 << 20
	// maxProofs is how many places that look like a tag are tried in one search for the next.
	maxProofs = 256
	// maxHeadScan is how much of a file is read for the first tag of each type that its header announces.
	maxHeadScan = 1 << 20
	// maxTailScan is how much of a file's end is searched for its last tags.
	maxTailScan = 16 << 20
	// maxMetadata is the longest onMetaData that is decoded.
	maxMetadata = 4 << 20
	// maxMetadataElements and maxMetadataSize bound its values: a keyframes index has one element for each key frame.
	maxMetadataElements = 1 << 18
	maxMetadataSize     = 24 << 20
	// maxPrivate is the longest sequence header that is looked into.
	maxPrivate = 64 << 10
	// maxKeyFrameSearch is how far from the seek target a key frame is looked for, backwards and from the start.
	maxKeyFrameSearch = 64 << 20
	// maxHeaderSearch is how far before the seek target sequence headers are looked for in a file in which none was ever
	// seen to change. Beyond it the file's first ones are taken.
	maxHeaderSearch = 1 << 20
	// maxHeaders and maxPoints bound what is remembered of one file.
	maxHeaders = 1 << 16
	maxPoints  = 1 << 16
	// maxInForce is how many headers may be in force at one place.
	maxInForce = 16
)

const (
	// probeBytes is what one look into the file reads, walkBytes what a walk over tags reads at once.
	probeBytes = 64 << 10
	walkBytes  = 256 << 10
	// headerStep is how much a search for sequence headers reads at once in a file in which they are known to change.
	headerStep = 4 << 20
	// bodyPrefix is how much of a tag's body is looked at to tell what it is.
	bodyPrefix = 64
	// probeTags is how many tags a probe looks at to find one with a time, maxProbes how often a seek looks into the file.
	probeTags = 64
	maxProbes = 64
	// pointGap is the least distance in bytes of remembered points.
	pointGap = 64 << 10
	// interleave is how far apart in time tags of different types may lie side by side.
	interleave = int64(10 * time.Second / time.Millisecond)
)
