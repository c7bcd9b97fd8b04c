package chunk

// Holds is how many bytes of pooled memory r holds.
func (r *Reader) Holds() int {
	n := 0
	if r.in.borrowed != nil {
		n += len(r.in.borrowed.bytes)
	}
	if r.last != nil {
		n += len(r.last.bytes)
	}
	for i := range r.streams {
		if b := r.streams[i].body; b != nil {
			n += len(b.bytes)
		}
	}
	return n
}
