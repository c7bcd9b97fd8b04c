// Package mp4 reads MP4, QuickTime, F4V and M4A files as FLV tags.
//
//	f, err := mp4.Open(ctx, in)
//	if err != nil {
//		return err
//	}
//	fmt.Println(f.Info().Duration)
//	r := f.NewReader(in)
//	for tag, err := r.Next(ctx); err != io.EOF; tag, err = r.Next(ctx) {
//		if err != nil {
//			return err
//		}
//		send(tag)
//	}
//
// # Timeline
//
// A tag's timestamp is the decoding time that the edit lists give its sample, in ms, rounded from the exact value. All
// tracks are shifted by one amount, so that the first tag has the time 0. Where composition offsets are negative, the
// track's decoding times are moved back until none is: the presentation times stay. A single edit keeps the samples that
// lead up to it, encoder delay among them; of several, each shows what it shows, and what its first picture rests on is
// sent with the time of that picture. Samples of fragments follow the first edit alone. A cslg is not looked at: the offsets
// themselves tell what it would.
//
// Sound that is not compressed goes out where FLV has its form: G.711 at 8 kHz in mono, and little-endian PCM of 16 bits at
// 5.5, 11, 22 and 44.1 kHz. Up to 1,024 of its samples make one tag.
//
// # Cost
//
// Open reads the moov once and keeps it; the sample tables stay as they lie in the file, and a cursor walks them. Fragments
// are looked at when somebody gets there; a sidx, its branches or an mfra tells where to begin for a seek. In a file without
// any of them, a seek guesses where its target lies, looks for the next moof there, and closes in on it: some ten to thirty
// reads for one of 3,600 fragments, when it is the first. Fragments that do not say their times (tfdt), or are longer than
// 4 MiB, are gone through one by one. What one viewer has found, all know.
//
// A fragmented file that breaks off, as one whose recorder died, plays up to its last whole sample. Anything else that lies
// outside of the file is refused.
//
// The specifications: ISO/IEC 14496-12 (the ISO base media file format), 14496-14 and 14496-15 (MP4 and AVC in it), Apple's
// QuickTime File Format, Adobe's Video File Format Specification 10.1 (F4V, FLV), and Enhanced RTMP v2 for the codecs that
// FLV has no number for.
package mp4
