// Package mp3 reads MP3 files as FLV tags: one tag for each frame of layer III of MPEG-1, MPEG-2 and MPEG-2.5, the other
// layers being refused. Tags of words become metadata; pictures, trailing tags and junk between frames are stepped over.
//
//	in := flv.NewInput(file, size)
//	f, err := mp3.Open(ctx, in)
//	if err != nil {
//		return err
//	}
//	r := f.NewReader(in)
//	if _, err := r.Seek(ctx, time.Minute); err != nil {
//		return err
//	}
//	for {
//		tag, err := r.Next(ctx)
//		if err == io.EOF {
//			return nil
//		}
//		if err != nil {
//			return err
//		}
//		send(&tag)
//	}
//
// # Seeking
//
// A frame of MP3 does not know when it plays: that is known by counting all frames before it. Counting reads the file,
// so a seek does as little of it as it can, and all viewers of a file share what was counted. In order:
//
//   - where somebody has played or counted already, and in files under 256 KiB, the time is exact;
//   - in a file of constant bit rate it is computed, checked against the frame that is there, and exact;
//   - in a file with the table of a Xing, Info or VBRI header, the frame is the one that the table gives for the time,
//     and is said to have that time. The table of a Xing header has 100 entries, rounded to a 256th of the file, so what
//     is heard can be off by a fraction of a percent of the duration, and so are the times up to the end. A
//     frame within 1 MiB of what was counted is counted to instead, and exact;
//   - in other files all frames up to the time are counted, once.
//
// # Specifications
//
// ISO/IEC 11172-3 (MPEG-1 audio) and 13818-3 (MPEG-2); ID3v2.2, 2.3, 2.4, ID3v1.1; APEv2 and Lyrics3 v2 so far as
// to skip them; Adobe Flash Video File Format 10.1, E.4.2 (audio tags). Xing's and Fraunhofer's (VBRI) headers never had a
// specification; LAME's and ffmpeg's are what is read here.
package mp3
