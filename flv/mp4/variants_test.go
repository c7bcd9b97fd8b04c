package mp4_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// ffmpeg runs ffmpeg with the words of args, and says what it said where it fails.
func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	words := []string{"-nostdin", "-v", "error", "-y", "-threads", "1"}
	for _, a := range args {
		words = append(words, strings.Fields(a)...)
	}
	got := strangers.Run(t, "ffmpeg", words...)
	require.NoError(t, got.Err, "ffmpeg %s: %s", strings.Join(words, " "), got.Stderr)
}

// ffprobe returns the packets of a file as ffprobe sees them. Those at a track's end that an edit list hides are left
// out: we do not send them.
func ffprobe(t *testing.T, path string, media []byte, args ...string) truth {
	t.Helper()
	args = append(args, "-v", "error", "-show_entries", "packet=stream_index,codec_type,pts_time,dts_time,flags,pos,size", "-of", "json", path)
	got := strangers.Run(t, "ffprobe", args...)
	require.NoError(t, got.Err, got.Stderr)
	var found struct {
		Packets []struct {
			Index int    `json:"stream_index"`
			Type  string `json:"codec_type"`
			PTS   string `json:"pts_time"`
			DTS   string `json:"dts_time"`
			Flags string `json:"flags"`
			Pos   string `json:"pos"`
			Size  string `json:"size"`
		}
	}
	require.NoError(t, json.Unmarshal(got.Stdout, &found))
	var rows []strangers.Row
	for _, p := range found.Packets {
		ms := func(s string) string {
			v, err := strconv.ParseFloat(s, 64)
			require.NoError(t, err)
			return strconv.FormatFloat(v*1000, 'f', 3, 64)
		}
		discard := "0"
		if strings.Contains(p.Flags, "D") {
			discard = "1"
		}
		rows = append(rows, strangers.Row{
			"stream": strconv.Itoa(p.Index), "type": p.Type, "pts_ms": ms(p.PTS), "dts_ms": ms(p.DTS), "discard": discard, "pos": p.Pos, "size": p.Size,
		})
	}
	all := truthOf(t, rows, media)
	for i := range all {
		p := all[i].packets
		for len(p) > 0 && p[len(p)-1].discard {
			p = p[:len(p)-1]
		}
		all[i].packets = p
	}
	return all
}

// The tracks that variants are made of, and how ffmpeg makes each.
var sources = map[string]string{
	"avc":   "-f lavfi -i testsrc2=size=96x64:rate=25 -t 2 -c:v libx264 -preset veryfast -bf 2 -g 12 -pix_fmt yuv420p",
	"ip":    "-f lavfi -i testsrc2=size=96x64:rate=30000/1001 -t 2 -c:v libx264 -preset veryfast -bf 0 -g 20 -pix_fmt yuv420p",
	"intra": "-f lavfi -i testsrc2=size=96x64:rate=24 -t 2 -c:v libx264 -preset veryfast -g 1 -pix_fmt yuv420p",
	"hevc":  "-f lavfi -i testsrc2=size=96x64:rate=25 -t 2 -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=20:bframes=2 -tag:v hvc1 -pix_fmt yuv420p",
	"av1":   "-f lavfi -i testsrc2=size=96x64:rate=15 -t 2 -c:v libaom-av1 -cpu-used 8 -g 15 -pix_fmt yuv420p",
	"vp9":   "-f lavfi -i testsrc2=size=96x64:rate=15 -t 2 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 15 -pix_fmt yuv420p",
	"mpeg4": "-f lavfi -i testsrc2=size=96x64:rate=25 -t 2 -c:v mpeg4 -g 12",
	"aac":   "-f lavfi -i sine=440:r=44100 -t 2 -c:a aac -b:a 48k",
	"mp3":   "-f lavfi -i sine=440:r=44100 -t 2 -c:a libmp3lame -b:a 48k",
	"opus":  "-f lavfi -i sine=440:r=48000 -t 2 -c:a libopus -b:a 32k",
	"ac3":   "-f lavfi -i sine=440:r=48000 -t 2 -c:a ac3 -b:a 64k",
	"eac3":  "-f lavfi -i sine=440:r=48000 -t 2 -c:a eac3 -b:a 64k",
	"alaw":  "-f lavfi -i sine=440:r=8000 -t 2 -ac 1 -c:a pcm_alaw -f mov",
	"ulaw":  "-f lavfi -i sine=440:r=8000 -t 2 -ac 1 -c:a pcm_mulaw -f mov",
	"sowt":  "-f lavfi -i sine=440:r=44100 -t 2 -ac 2 -c:a pcm_s16le -f mov",
	"sowt1": "-f lavfi -i sine=440:r=11025 -t 2 -ac 1 -c:a pcm_s16le -f mov",
	"flac":  "-f lavfi -i sine=440:r=44100 -t 2 -c:a flac -strict -2",
}

// layouts are the ways in which tracks are put into a file. EMPTY is a moov without samples; for AC-3 it has to wait for
// the first packets.
var layouts = []struct{ name, input, output string }{
	{"last", "", ""},
	{"first", "", "-movflags +faststart"},
	{"noedits", "", "-use_editlist 0"},
	{"signed", "", "-movflags +negative_cts_offsets"},
	{"cut", "-ss 0.73", "-movflags +faststart -avoid_negative_ts disabled"},
	{"fragments", "", "-movflags +frag_keyframe+EMPTY"},
	{"edited fragments", "", "-movflags +frag_keyframe+empty_moov+delay_moov+default_base_moof"},
	{"hybrid", "", "-movflags +frag_keyframe"},
	{"apart", "", "-movflags +frag_keyframe+EMPTY+separate_moof+omit_tfhd_offset"},
	{"dash", "", "-movflags +dash+delay_moov -frag_duration 300000"},
	{"sidx", "", "-movflags +frag_keyframe+EMPTY+default_base_moof+global_sidx"},
	{"frames", "", "-movflags +frag_every_frame+EMPTY+skip_trailer"},
}

// TestVariants puts tracks of every codec together in every layout, and compares each file with what ffprobe sees.
func TestVariants(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "ffprobe")
	dir := t.TempDir()
	for name, how := range sources {
		ffmpeg(t, how, filepath.Join(dir, name+".mp4"))
	}
	for i, tracks := range []string{"avc aac", "intra ac3", "ip mp3", "av1 opus", "hevc aac", "vp9 flac", "avc eac3 aac", "aac"} {
		for j, l := range layouts {
			if i%2 == 1 && (i/2+j)%2 == 1 { // half of the layouts, to save time
				continue
			}
			t.Run(tracks+" "+l.name, func(t *testing.T) {
				t.Parallel()
				var args []string
				empty := "empty_moov"
				if strings.Contains(tracks, "ac3") {
					empty += "+delay_moov"
				}
				for i, name := range strings.Fields(tracks) {
					args = append(args, l.input, "-i", filepath.Join(dir, name+".mp4"), "-map", strconv.Itoa(i))
				}
				checkVariant(t, dir, strings.NewReplacer(" ", "-").Replace(tracks+" "+l.name), inputsFirst(args), strings.ReplaceAll(l.output, "EMPTY", empty))
			})
		}
	}
	for name, args := range map[string][]string{
		"late sound":       {"-i", dir + "/ip.mp4", "-itsoffset 0.37", "-i", dir + "/aac.mp4"},
		"late pictures":    {"-itsoffset 0.37", "-i", dir + "/avc.mp4", "-i", dir + "/aac.mp4", "-movflags +faststart"},
		"other scale":      {"-i", dir + "/avc.mp4", "-i", dir + "/aac.mp4", "-video_track_timescale 90000"},
		"movie scale":      {"-itsoffset 0.1234", "-i", dir + "/avc.mp4", "-i", dir + "/aac.mp4", "-movie_timescale 48000"},
		"A law":            {"-i", dir + "/avc.mp4", "-i", dir + "/alaw.mp4", "-map 0 -map 1 -f mov"},
		"mu law first":     {"-i", dir + "/ip.mp4", "-i", dir + "/ulaw.mp4", "-map 0 -map 1 -f mov -movflags +faststart"},
		"PCM":              {"-i", dir + "/avc.mp4", "-i", dir + "/sowt.mp4", "-map 0 -map 1 -f mov"},
		"PCM alone":        {"-i", dir + "/sowt1.mp4", "-f mov"},
		"QuickTime's AC-3": {"-i", dir + "/avc.mp4", "-i", dir + "/ac3.mp4", "-map 0 -map 1 -f mov"},
		"unplayed track":   {"-i", dir + "/mpeg4.mp4", "-i", dir + "/avc.mp4", "-i", dir + "/aac.mp4", "-map 0 -map 1 -map 2 -movflags +frag_keyframe+empty_moov+omit_tfhd_offset"},
		"several tracks":   {"-i", dir + "/avc.mp4", "-i", dir + "/aac.mp4", "-i", dir + "/ip.mp4", "-i", dir + "/mp3.mp4", "-map 0 -map 1 -map 2 -map 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkVariant(t, dir, strings.ReplaceAll(name, " ", "-"), args, "")
		})
	}
}

// inputsFirst moves the -map options behind the inputs.
func inputsFirst(args []string) []string {
	var inputs, maps []string
	for i := 0; i < len(args); i++ {
		if args[i] == "-map" {
			maps = append(maps, args[i], args[i+1])
			i++
		} else {
			inputs = append(inputs, args[i])
		}
	}
	return append(inputs, maps...)
}

// checkVariant makes a file and compares it.
func checkVariant(t *testing.T, dir, name string, args []string, output string) {
	t.Helper()
	path := filepath.Join(dir, name+".mp4")
	ffmpeg(t, append(args, "-c copy -strict -2", output, path)...)
	media, err := os.ReadFile(path)
	require.NoError(t, err)
	f, in := open(t, media)
	want := []truth{ffprobe(t, path, media), ffprobe(t, path, media, "-ignore_editlist", "1")}
	require.Empty(t, compareAny(receive(t, f.NewReader(in)), want))
	checkInfo(t, f, in)
	checkSeeks(t, f, in)
}
