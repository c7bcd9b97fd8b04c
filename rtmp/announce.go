package rtmp

import (
	"time"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// announce says what a client must hear before the first media of an item, in the order of Flash Media Server: librtmp
// drops all media that comes before Play.Start.
func (p *player) announce(reset bool, at int64) {
	p.control(chunk.EventStreamIsRecorded)
	p.control(chunk.EventStreamBegin)
	if reset {
		p.statusAt(CodePlayReset, uint32(at))
	}
	p.describeMedia(uint32(at))
}

// announceSeek says the same after a seek.
func (p *player) announceSeek(target time.Duration, at uint32) {
	p.control(chunk.EventStreamEOF)
	p.control(chunk.EventStreamIsRecorded)
	p.control(chunk.EventStreamBegin)
	p.notifySeek(p.cur.display, target, at)
	p.describeMedia(at)
}

// notifySeek says that what comes next is of another place.
func (p *player) notifySeek(display string, target time.Duration, at uint32) {
	info := statusInfo(levelStatus, CodeSeekNotify, describeSeek(target, p.id), display, p.c.id)
	p.batch.encoded(func(dst []byte) []byte { return p.c.out.status(dst, p.id, at, info) })
}

// describeMedia sends Play.Start, the sample access that Flash's own server grants by default, Data.Start and the
// metadata.
func (p *player) describeMedia(at uint32) {
	p.statusAt(CodePlayStart, at)
	p.batch.encoded(func(dst []byte) []byte {
		dst = p.c.out.data(dst, p.id, at, "|RtmpSampleAccess", false, false)
		return p.c.out.data(dst, p.id, at, "onStatus", amf.Object{{Key: "code", Value: CodeDataStart}})
	})
	p.sendMetadata(at)
}

func (p *player) sendMetadata(at uint32) {
	metadata := p.cur.src.Info().OnMetaData()
	if len(metadata) == 0 {
		return
	}
	p.batch.encoded(func(dst []byte) []byte { return p.c.out.data(dst, p.id, at, "onMetaData", metadata) })
}

// tick repeats the metadata one millisecond on. librtmp gives nothing out before it has seen a timestamp other than 0: of a
// file that is a single frame it would lose all.
func (p *player) tick() {
	metadata := p.cur.src.Info().OnMetaData()
	p.batch.encoded(func(dst []byte) []byte { return p.c.out.data(dst, p.id, 1, "onMetaData", metadata) })
}

// control sends a user control message about the stream.
func (p *player) control(event chunk.Event) {
	p.batch.encoded(func(dst []byte) []byte { return chunk.AppendUserControl(dst, event, p.id) })
}

// status sends an onStatus about what plays, at the time of the last media.
func (p *player) status(code string) { p.statusAt(code, uint32(p.timeline.now())) }

func (p *player) statusAt(code string, at uint32) {
	info := statusInfo(levelStatus, code, describe(code, p.cur.display, p.id), p.cur.display, p.c.id)
	p.batch.encoded(func(dst []byte) []byte { return p.c.out.status(dst, p.id, at, info) })
}

// playStatus sends onPlayStatus, which ActionScript calls on the client object of the stream.
func (p *player) playStatus(code string) {
	info := amf.Object{
		{Key: "level", Value: levelStatus},
		{Key: "code", Value: code},
		{Key: "duration", Value: p.cur.src.Info().Duration.Seconds()},
		{Key: "bytes", Value: float64(p.cur.bytes)},
	}
	at := uint32(p.timeline.now())
	p.batch.encoded(func(dst []byte) []byte { return p.c.out.data(dst, p.id, at, "onPlayStatus", info) })
}
