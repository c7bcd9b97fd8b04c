package amf

// MaxDepth is how deep containers may nest: the limit that FFmpeg and GStreamer have too.
const MaxDepth = 16

const (
	// defaultElements is how many elements a container may have.
	defaultElements = 1000
	// defaultSize is how much memory, about, the values of one body may take.
	defaultSize = 8 << 20
	// valueSize is what a value counts beside the bytes of its string.
	valueSize = 32
	// maxShort is the length of the longest string that has a 16-bit length: a key, a class name.
	maxShort = 1<<16 - 1
	// maxU29 is the largest length that AMF3 can write.
	maxU29 = 1<<28 - 1
)
