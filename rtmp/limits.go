package rtmp

import "time"

// Limits bounds what a connection may cost. In every field zero means the default and a negative value means no limit.
type Limits struct {
	Connections int // at once, per Server; 50,000
	Streams     int // NetStreams per connection; 16
	Playlist    int // entries that wait in one stream's playlist; 1,000
	Commands    int // commands that wait for one stream's player; 64

	CommandBytes int // one command or data message; 64 KiB
	MessageBytes int // any other message; 1 MiB
	ControlBytes int // replies that wait while a batch of media is being written; 64 KiB

	Handshake time.Duration // from the first byte to the last of the handshake; 10 s
	Connect   time.Duration // from there to the connect command, and for Handler.Connect; 10 s
	SWF       time.Duration // from connect to the proof that Server.VerifySWF asks for; 10 s
	Write     time.Duration // a write without progress; 5 min
	Ping      time.Duration // between pings; 60 s
	Idle      time.Duration // without a byte from the client, whose answers to pings count; 5 min

	// Ahead is the most media that is sent ahead of real time, whatever buffer the client states; 12 h.
	Ahead time.Duration
}

const none = int(^uint(0) >> 1)

const maxLogName = 256 // bytes of a name in a log

func (l *Limits) streams() int      { return limit(l.Streams, 16) }
func (l *Limits) playlist() int     { return limit(l.Playlist, 1000) }
func (l *Limits) commands() int     { return limit(l.Commands, 64) }
func (l *Limits) commandBytes() int { return limit(l.CommandBytes, 64<<10) }
func (l *Limits) messageBytes() int { return limit(l.MessageBytes, 1<<20) }
func (l *Limits) controlBytes() int { return limit(l.ControlBytes, 64<<10) }

func (l *Limits) connect() time.Duration { return duration(l.Connect, 10*time.Second) }
func (l *Limits) swf() time.Duration     { return duration(l.SWF, 10*time.Second) }
func (l *Limits) ping() time.Duration    { return duration(l.Ping, time.Minute) }
func (l *Limits) idle() time.Duration    { return duration(l.Idle, 5*time.Minute) }
func (l *Limits) ahead() time.Duration   { return duration(l.Ahead, 12*time.Hour) }

func limit(v, byDefault int) int {
	switch {
	case v == 0:
		return byDefault
	case v < 0:
		return none
	}
	return v
}

// forever stands for no deadline; it can still be added to any present time.
const forever = 100 * 365 * 24 * time.Hour

func duration(v, byDefault time.Duration) time.Duration {
	switch {
	case v == 0:
		return byDefault
	case v < 0:
		return forever
	}
	return v
}
