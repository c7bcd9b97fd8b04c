// Package demux opens media files of any kind that plays: FLV, the MP4 family and MP3. The content decides which it is.
//
//	in := flv.NewInput(file, size)
//	f, err := demux.Open(ctx, in, flv.FormatMP4)
//	if err != nil {
//		return err
//	}
//	r := f.NewReader(in)
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
// The file formats are those of packages flv (Adobe Flash Video File Format 10.1, annex E), mp4 (ISO/IEC 14496-12 and
// QuickTime) and mp3 (ISO/IEC 11172-3).
package demux
