package mp4

import "github.com/seed-3309b198/reelfront/flv"

// What a file may ask of us.
const (
	maxMoovBytes     = 256 << 20 // a moov of 16 million samples
	maxMoofBytes     = 16 << 20
	maxFragmentBytes = 256 << 20 // of all moofs that are kept
	maxTopBoxes      = 1 << 16   // boxes looked at in one search through the top level
	maxTracks        = 128
	maxSamples       = 1 << 24                 // in all tracks together: 40 hours of 100 samples a second
	maxSampleBytes   = 1<<24 - 1 - flv.MaxHead // an RTMP message's length has 24 bits
	maxEntries       = 256                     // sample descriptions of a track
	maxEdits         = 1024                    // entries of an edit list
	maxEmptyRuns     = 4096                    // entries of a sample table that are of no sample
	maxSeconds       = 1 << 30                 // of a timeline, so that it fits in any track's ticks
	maxDescriptors   = 64                      // MPEG-4 descriptors in an esds
	maxTags          = 64                      // iTunes tags
	maxTagBytes      = 4 << 10                 // of one tag's text
	maxSeekPoints    = 256                     // listed in onMetaData; a file with more lists none
	maxKeyFrames     = 1 << 14                 // listed in Info; a file with more lists none
	checkpointEvery  = 256                     // samples between two checkpoints of a table
	maxCheckpoints   = 4096                    // of a track: a longer one has them further apart
	maxLandmarks     = 1 << 18                 // entries of a sidx or an mfra
	maxOpenFragments = 16                      // looked at in opening
	maxOpenBytes     = 4 << 20                 // a file no longer than this is walked to its end in opening
	tailBytes        = probeBytes              // looked through for the last fragment of a file without an index
	maxTailBytes     = 4 << 20                 // and where it is not there
	probeBytes       = 256 << 10               // read at a time while looking for a fragment
	maxProbeBytes    = 4 << 20                 // looked through for one; where they are longer, they are gone through one by one
	maxProbeTries    = 4                       // things looked at that may be one
	maxProbes        = 48                      // such looks in one seek
	walkedFragments  = 8                       // gone through one by one rather than looked for
	maxSidxDepth     = 4                       // sidx boxes that are read on one way, each of which leads to the next
	maxApart         = 10_000                  // ms that two tracks lie apart in a file: how far ahead of the others one is looked for
	windowBytes      = 32 << 10                // read at a time while looking for boxes
	audioPrerollSecs = 1                       // of sound kept in front of an edit, for the decoder to warm up
)
