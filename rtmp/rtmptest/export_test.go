package rtmptest

import "time"

// SetPatience sets how long Close waits before it says what for.
func SetPatience(s *Server, d time.Duration) { s.patience = d }
