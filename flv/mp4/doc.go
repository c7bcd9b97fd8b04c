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
// The specifications: ISO/IEC 14496-12 (the ISO base media file format), 14496-14 and 14496-15 (MP4 and AVC in it), Apple's
// QuickTime File Format, Adobe's Video File Format Specification 10.1 (F4V, FLV), and Enhanced RTMP v2 for the codecs that
// FLV has no number for.
package mp4
