// Package flv is the media of RTMP: tags, which are RTMP's audio, video and data messages; files seen as tags; and the
// FLV container itself.
//
//	in := flv.NewInput(file, size) // any io.ReaderAt
//	film, err := flv.Open(ctx, in)
//	if err != nil {
//		return err
//	}
//	r := film.NewReader(in)
//	if _, err := r.Seek(ctx, 30*time.Second); err != nil {
//		return err
//	}
//	for tag, err := r.Next(ctx); err != io.EOF; tag, err = r.Next(ctx) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(tag.Type, tag.Timestamp, tag.Codec(), tag.KeyFrame(), tag.Len())
//	}
//
// Open takes what is found in the wild: files with an index of their key frames and without, with wrong PreviousTagSize
// fields, junk between tags, a torn end, sequence headers that change, any codec. An Index may be shared by many readers,
// each with an Input of its own.
//
// A Reader gives each codec in the form that clients know it by, whatever form the file has: AVC, AAC and MP3 in the
// classic one, the codecs that FLV has no number for with a FourCC.
//
// It follows Adobe's "Flash Video File Format Specification", version 10.1, annex E, which the comments call FLV, and
// Veovera's "Enhanced RTMP" v2.
package flv
