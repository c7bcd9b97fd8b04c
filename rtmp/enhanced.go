package rtmp

import (
	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

// Enhanced says when codecs are sent that only Enhanced RTMP carries.
type Enhanced uint8

// The choices. Many of today's players decode these codecs and do not announce it.
const (
	EnhancedNegotiated Enhanced = iota // to clients that announce the codec
	EnhancedAlways                     // to all clients
	EnhancedNever
)

// What a FourCC in an info map can be done with (Enhanced RTMP v2, "Enhancing NetConnection connect Command").
const (
	canDecode  = 1
	canForward = 4
)

// anyFourCC stands for all codecs.
const anyFourCC = "*"

// enhancedVideo and enhancedAudio are the codecs that a server forwards, in the order in which it lists them.
func enhancedVideo() []flv.Codec {
	return []flv.Codec{flv.CodecAVC, flv.CodecHEVC, flv.CodecVVC, flv.CodecAV1, flv.CodecVP9, flv.CodecVP8}
}

func enhancedAudio() []flv.Codec {
	return []flv.Codec{flv.CodecAAC, flv.CodecMP3, flv.CodecOpus, flv.CodecFLAC, flv.CodecAC3, flv.CodecEAC3}
}

// announced are the FourCCs that a connect command says the client can take.
func announced(object amf.Object) map[flv.Codec]bool {
	all := make(map[flv.Codec]bool)
	list, _ := object.Lookup("fourCcList")
	if fourCCs, ok := list.(amf.StrictArray); ok {
		for _, v := range fourCCs {
			if s, ok := v.(string); ok {
				all[flv.Codec(s)] = true
			}
		}
	}
	for _, key := range []string{"videoFourCcInfoMap", "audioFourCcInfoMap"} {
		v, _ := object.Lookup(key)
		infoMap, _ := amf.Properties(v)
		for _, pair := range infoMap {
			if mask, ok := pair.Value.(float64); ok && uint32(mask)&(canDecode|canForward) != 0 {
				all[flv.Codec(pair.Key)] = true
			}
		}
	}
	return all
}

// takes returns the test for the codecs that a client is sent.
func (e Enhanced) takes(object amf.Object) func(flv.Codec) bool {
	switch e {
	case EnhancedAlways:
		return func(flv.Codec) bool { return true }
	case EnhancedNever:
		return func(c flv.Codec) bool { return !c.Enhanced() }
	}
	client := announced(object)
	return func(c flv.Codec) bool { return !c.Enhanced() || client[c] || client[anyFourCC] }
}

// answer is what the result of connect says to a client that announced FourCCs; to others it says nothing.
func (e Enhanced) answer(object amf.Object) amf.Object {
	if e == EnhancedNever || len(announced(object)) == 0 {
		return nil
	}
	var list amf.StrictArray
	infoMap := func(codecs []flv.Codec) amf.Object {
		var m amf.Object
		for _, c := range codecs {
			list = append(list, string(c))
			m = append(m, amf.Pair{Key: string(c), Value: canForward})
		}
		return m
	}
	video, audio := infoMap(enhancedVideo()), infoMap(enhancedAudio())
	return amf.Object{
		{Key: "fourCcList", Value: list},
		{Key: "videoFourCcInfoMap", Value: video},
		{Key: "audioFourCcInfoMap", Value: audio},
		{Key: "capsEx", Value: 0},
	}
}
