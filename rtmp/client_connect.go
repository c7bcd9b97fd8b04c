package rtmp

import (
	"context"
	"slices"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// What a client says of itself in connect, as FFmpeg and rtmpdump do (RTMP 1.0, 7.2.1.1).
const (
	flashVersion  = "LNX 10,0,32,18"
	capabilities  = 15
	audioCodecs   = 0x0FE7 // all but those that are reserved
	videoCodecs   = 0x00FC
	videoFunction = 1 // it can seek
)

// Connect connects to the URL's application. A refusal is a *StatusError, after which, as after any other error, the
// connection is closed.
func (c *Client) Connect(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = c.end(context.Cause(ctx)) })
	_, err := c.call(ctx, "connect", c.connectObject(), c.opts.Args...)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = c.write(chunk.AppendWindowAckSize(nil, windowAckSize))
	}
	if err != nil {
		_ = c.end(err)
	}
	return err
}

func (c *Client) connectObject() amf.Object {
	object := amf.Object{
		{Key: "app", Value: c.address.app},
		{Key: "flashVer", Value: flashVersion},
		{Key: "tcUrl", Value: c.address.tcURL},
		{Key: "fpad", Value: false},
		{Key: "capabilities", Value: capabilities},
		{Key: "audioCodecs", Value: audioCodecs},
		{Key: "videoCodecs", Value: videoCodecs},
		{Key: "videoFunction", Value: videoFunction},
		{Key: "objectEncoding", Value: 0},
	}
	object = append(object, announcement(c.opts.Codecs)...)
	for _, p := range c.opts.Object {
		i := slices.IndexFunc(object, func(q amf.Pair) bool { return q.Key == p.Key })
		if i < 0 {
			object = append(object, p)
		} else {
			object[i] = p
		}
	}
	return object
}

// announcement has the pairs by which a server learns what can be sent in the form of Enhanced RTMP.
func announcement(codecs []flv.Codec) amf.Object {
	var all amf.StrictArray
	var video, audio amf.Object
	for _, codec := range codecs {
		entry := amf.Pair{Key: string(codec), Value: canDecode}
		switch {
		case slices.Contains(enhancedVideo(), codec):
			video = append(video, entry)
		case slices.Contains(enhancedAudio(), codec):
			audio = append(audio, entry)
		default: // a codec of classic FLV, which has no FourCC
			continue
		}
		all = append(all, entry.Key)
	}
	if len(all) == 0 {
		return nil
	}
	return amf.Object{
		{Key: "fourCcList", Value: all},
		{Key: "videoFourCcInfoMap", Value: video},
		{Key: "audioFourCcInfoMap", Value: audio},
		{Key: "capsEx", Value: 0}, // tags are handed on as they are: more than this is the caller's to say
	}
}
