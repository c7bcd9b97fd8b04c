package chunk

import "fmt"

// Error is a violation of the chunk stream protocol, or of a limit, by the peer. There is no way to go on after one.
type Error struct {
	What        string // the field at fault: "message length", "chunk size"
	Value       uint64 // what the peer sent
	Reason      string
	ChunkStream uint32 // 0 when it is not known
}

func (e *Error) Error() string {
	if e.ChunkStream == 0 {
		return fmt.Sprintf("chunk: %s %d: %s", e.What, e.Value, e.Reason)
	}
	return fmt.Sprintf("chunk: chunk stream %d: %s %d: %s", e.ChunkStream, e.What, e.Value, e.Reason)
}
