package mp3

// What a file may ask of us.
const (
	maxID3Tags    = 16        // ID3v2 tags in a row
	maxID3Frames  = 512       // frames looked at in one ID3v2 tag
	maxTexts      = 128       // texts kept of a file
	maxText       = 4 << 10   // bytes of one text
	maxAllTexts   = 32 << 10  // bytes of all texts together, which every viewer is sent
	maxTextKey    = 96        // bytes of its name; ffmpeg refuses names of 128 and more
	maxUnsyncTag  = 64 << 10  // bytes undone of a tag that is unsynchronised as a whole
	maxTrailers   = 8         // trailing tags
	maxLeadJunk   = 128 << 10 // bytes of junk before the first frame
	maxJunk       = 1 << 20   // bytes without a frame between two frames
	walkAtOnce    = 256 << 10 // audio of this size is indexed by Open
	walkUntabled  = 4 << 20   // the same where the file has no table and no constant bit rate
	cheapWalk     = 1 << 20   // bytes that a seek reads to be exact rather than trust a table
	playWindow    = 16 << 10  // bytes asked for at a time while playing
	walkWindow    = 64 << 10  // the same while indexing
	headFrames    = 96        // frames that tell whether the bit rate is constant
	sampledPlaces = 4         // where the mean bit rate of a file without a table is taken
)
