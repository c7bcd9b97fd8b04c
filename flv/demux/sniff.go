package demux

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/seed-3309b198/reelfront/flv"
)

// sniff tells the format of a file that begins with head, or what else it looks like. Both are empty when it looks like
// nothing that is known.
func sniff(head []byte) (format flv.Format, other string) {
	switch {
	case bytes.HasPrefix(head, []byte("FLV")):
		return flv.FormatFLV, ""
	case startsWithBox(head):
		return flv.FormatMP4, ""
	case bytes.HasPrefix(head, []byte("ID3")), bytes.HasPrefix(head, []byte("APETAGEX")), startsWithFrame(head):
		return flv.FormatMP3, ""
	}
	if other := signature(head); other != "" {
		return "", other
	}
	rest := bytes.TrimLeft(head, "\x00")
	switch {
	case len(head) == 0:
		return "", "an empty file"
	case startsWithFrame(rest): // cut out of a longer file, or padded
		return flv.FormatMP3, ""
	case looksLikeText(head):
		return "", "text"
	}
	return "", ""
}

// startsWithBox tells whether head begins with one of the boxes that a file of the MP4 family begins with (ISO/IEC
// 14496-12, 4.2; QuickTime File Format, "atoms").
func startsWithBox(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	size := uint32(head[0])<<24 | uint32(head[1])<<16 | uint32(head[2])<<8 | uint32(head[3])
	if size > 1 && size < 8 {
		return false
	}
	switch string(head[4:8]) {
	case "ftyp", "styp", "moov", "moof", "mdat", "free", "skip", "wide", "sidx", "pdin", "uuid", "pnot", "junk", "PICT", "meta",
		"afra", "abst", "prft", "emsg":
		return true
	}
	return false
}

// startsWithFrame tells whether head begins with the header of a frame of MPEG audio, of whatever layer (ISO/IEC 11172-3,
// 2.4.2.3).
func startsWithFrame(head []byte) bool {
	if len(head) < 4 || head[0] != 0xFF || head[1]&0xE0 != 0xE0 {
		return false
	}
	version, layer, bitrate, rate, emphasis := head[1]>>3&3, head[1]>>1&3, head[2]>>4, head[2]>>2&3, head[3]&3
	return version != 1 && layer != 0 && bitrate != 15 && rate != 3 && emphasis != 2
}

// signature names the files that people take for media, or put in its place, by their first bytes.
func signature(head []byte) string {
	for _, s := range [...]struct{ prefix, name string }{
		{"\x1A\x45\xDF\xA3", "Matroska or WebM"},
		{"OggS", "Ogg"},
		{"fLaC", "FLAC"},
		{"\x30\x26\xB2\x75\x8E\x66\xCF\x11", "Windows Media (ASF)"},
		{"\x00\x00\x01\xBA", "an MPEG program stream"},
		{"\x00\x00\x01\xB3", "an MPEG video stream"},
		{"\x00\x00\x00\x01", "a bare H.264 or H.265 stream"},
		{".RMF", "RealMedia"},
		{"ADIF", "AAC (ADIF)"},
		{"#!AMR", "AMR"},
		{"FWS", "a Flash program (SWF)"},
		{"CWS", "a Flash program (SWF)"},
		{"ZWS", "a Flash program (SWF)"},
		{"#EXTM3U", "an HLS playlist"},
		{"\x89PNG", "a PNG picture"},
		{"\xFF\xD8\xFF", "a JPEG picture"},
		{"GIF8", "a GIF picture"},
		{"%PDF", "PDF"},
		{"PK\x03\x04", "a ZIP archive"},
		{"\x1F\x8B", "a gzip archive"},
		{"version https://git-lfs", "a Git LFS pointer, not the file itself"},
	} {
		if strings.HasPrefix(string(head[:min(len(head), 32)]), s.prefix) {
			return s.name
		}
	}
	switch {
	case len(head) >= 12 && string(head[:4]) == "RIFF":
		return strings.TrimSpace("RIFF " + printable(head[8:12]))
	case isTransportStream(head, 0, 188), isTransportStream(head, 4, 192):
		return "an MPEG transport stream"
	case len(head) >= 2 && head[0] == 0xFF && head[1]&0xF6 == 0xF0:
		return "AAC (ADTS)"
	}
	return markup(head)
}

// isTransportStream tells whether three sync bytes lie where packets of the given length have them (ISO/IEC 13818-1,
// 2.4.3.2).
func isTransportStream(head []byte, at, packet int) bool {
	const sync = 0x47
	return len(head) > at+2*packet && head[at] == sync && head[at+packet] == sync && head[at+2*packet] == sync
}

// markup names documents, such as the error page of a web server that was stored in place of a file.
func markup(head []byte) string {
	text := strings.ToLower(strings.TrimLeft(strings.TrimPrefix(string(head[:min(len(head), 256)]), "\uFEFF"), " \t\r\n"))
	switch {
	case strings.HasPrefix(text, "<!doctype html"), strings.HasPrefix(text, "<html"), strings.HasPrefix(text, "<head"):
		return "HTML"
	case strings.HasPrefix(text, "<?xml"), strings.HasPrefix(text, "<error>"), strings.HasPrefix(text, "<smil"):
		return "XML"
	case strings.HasPrefix(text, `{"`):
		return "JSON"
	}
	return ""
}

// looksLikeText tells whether head is text and nothing else.
func looksLikeText(head []byte) bool {
	for i, r := range string(head) {
		if r == utf8.RuneError && i < len(head)-utf8.UTFMax || r < ' ' && !strings.ContainsRune("\t\r\n\f\x1B", r) {
			return false
		}
	}
	return true
}

// printable is b with what is not printable ASCII left out.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, string(b))
}
