package flv

// videoHEVC is the number under which phones, cameras and many servers write HEVC in the form of AVC. No specification has
// it, and no player of today takes it.
const videoHEVC = 12

// toUsual puts an audio or video tag in the form that clients know its codec by: AVC, AAC and MP3 in the classic one,
// though they were written with a FourCC, and HEVC with its FourCC, though it was written under an unofficial number. Other
// tags, those of several tracks among them, stay as they are.
func (t *Tag) toUsual() {
	if len(t.Data) < 5 {
		return
	}
	first, frame, packet := t.Data[0], t.Data[0]&0x70, t.Data[0]&0x0F
	switch {
	case t.Type == TagVideo && frame>>4 == frameCommand, t.Type == TagScript:
	case t.Type == TagVideo && first&0x8F == videoHEVC:
		t.toEnhanced(frame)
	case t.Type == TagVideo && first&enhancedVideo != 0 && string(t.Data[1:5]) == string(CodecAVC):
		t.toClassicVideo(frame, packet)
	case t.Type == TagAudio && first>>4 == enhancedAudio:
		t.toClassicAudio(packet)
	}
}

// toEnhanced changes HEVC in the form of AVC. The numbers of the two forms' packets are the same.
func (t *Tag) toEnhanced(frame byte) {
	const c = CodecHEVC
	switch packet := t.Data[1]; packet {
	case classicCodedFrames:
		t.Head = MakeHead(enhancedVideo|frame|packetCodedFrames, c[0], c[1], c[2], c[3], t.Data[2], t.Data[3], t.Data[4])
	case classicSequenceStart, packetSequenceEnd:
		t.Head = MakeHead(enhancedVideo|frame|packet, c[0], c[1], c[2], c[3])
	default:
		return
	}
	t.Data = t.Data[5:]
}

func (t *Tag) toClassicVideo(frame, packet byte) {
	switch {
	case packet == packetCodedFrames && len(t.Data) >= 8:
		t.Head = MakeHead(frame|videoAVC, classicCodedFrames, t.Data[5], t.Data[6], t.Data[7])
		t.Data = t.Data[8:]
	case packet == packetCodedFramesX:
		t.Head = MakeHead(frame|videoAVC, classicCodedFrames, 0, 0, 0)
		t.Data = t.Data[5:]
	case packet == packetSequenceStart, packet == packetSequenceEnd:
		t.Head = MakeHead(frame|videoAVC, packet, 0, 0, 0)
		t.Data = t.Data[5:]
	}
}

func (t *Tag) toClassicAudio(packet byte) {
	switch codec := string(t.Data[1:5]); {
	case codec == string(CodecAAC) && (packet == packetSequenceStart || packet == packetCodedFrames):
		t.Head = MakeHead(aacSound, packet)
	case codec == string(CodecMP3) && packet == packetCodedFrames: // players take the rate from the frame
		t.Head = CodecMP3.AudioHead(44100, 2)
	default:
		return
	}
	t.Data = t.Data[5:]
}
