// Package amf encodes and decodes the Action Message Format, in which RTMP commands, data messages and the script tags
// of FLV files are written.
//
//	body, err := amf.Append(nil, "connect", 1, amf.Object{{Key: "app", Value: "vod"}})
//	if err != nil {
//		return err
//	}
//	values, err := amf.Decode(body)
//	if err != nil {
//		return err
//	}
//	command, _ := amf.Properties(values[2])
//	fmt.Println(values[0], command.String("app")) // connect vod
//
// Everything is encoded as AMF0, which every peer understands. AMF3 is decoded where the AMF0 marker 0x11 switches to
// it for one value; its values become the same Go values, so callers see no difference.
//
// The specifications are Adobe's "Action Message Format - AMF 0" (2007), which the comments call AMF0, and "AMF 3"
// (2013), called AMF3.
package amf
