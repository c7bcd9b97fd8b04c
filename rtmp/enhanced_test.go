package rtmp

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

func TestEnhanced(t *testing.T) {
	list := func(fourCCs ...any) amf.Object {
		return amf.Object{{Key: "app", Value: "vod"}, {Key: "fourCcList", Value: amf.StrictArray(fourCCs)}}
	}
	infoMap := func(key, fourCC string, mask float64) amf.Object {
		return amf.Object{{Key: "app", Value: "vod"}, {Key: key, Value: amf.Object{{Key: fourCC, Value: mask}}}}
	}
	tests := []struct {
		name   string
		mode   Enhanced
		object amf.Object
		takes  []flv.Codec
		not    []flv.Codec
		answer bool
	}{
		{"nothing announced", 0, list(), []flv.Codec{flv.CodecAVC, flv.CodecSpeex}, []flv.Codec{flv.CodecHEVC, flv.CodecOpus}, false},
		{"a list", 0, list("hvc1", "Opus", 7.0), []flv.Codec{flv.CodecHEVC, flv.CodecOpus, flv.CodecAAC}, []flv.Codec{flv.CodecAV1}, true},
		{"all", 0, list("*"), []flv.Codec{flv.CodecAV1, flv.CodecEAC3}, nil, true},
		{"a map that decodes", 0, infoMap("videoFourCcInfoMap", "av01", 1), []flv.Codec{flv.CodecAV1}, []flv.Codec{flv.CodecVP9}, true},
		{"a map that forwards", 0, infoMap("audioFourCcInfoMap", "*", 4), []flv.Codec{flv.CodecFLAC}, nil, true},
		{"a map that encodes only", 0, infoMap("videoFourCcInfoMap", "av01", 2), nil, []flv.Codec{flv.CodecAV1}, false},
		{"a list that is none", 0, amf.Object{{Key: "app", Value: "vod"}, {Key: "fourCcList", Value: "hvc1"}}, nil, []flv.Codec{flv.CodecHEVC}, false},
		{"always", EnhancedAlways, list(), []flv.Codec{flv.CodecHEVC}, nil, false},
		{"never", EnhancedNever, list("*"), []flv.Codec{flv.CodecAVC}, []flv.Codec{flv.CodecHEVC}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := newCinema()
			asked := make(chan *PlayRequest, 1)
			app.asked = func(r *PlayRequest) { asked <- r }
			bubble(t, &Server{Handler: app, Enhanced: tt.mode}, func(t *testing.T, h *house) {
				p := h.peer(t).handshake()
				p.send(0, "connect", 1.0, tt.object)
				got := p.until("onBWDone")
				_, answered := got[len(got)-2].info().Lookup("fourCcList")
				require.Equal(t, tt.answer, answered)
				p.send(0, "createStream", 2.0, nil)
				p.until("_result")
				p.play("short")
				p.until(CodePlayStart)
				r := <-asked
				for _, c := range tt.takes {
					require.True(t, r.Codecs(c), "%s", c)
				}
				for _, c := range tt.not {
					require.False(t, r.Codecs(c), "%s", c)
				}
			})
		})
	}
}
