package door

import "strings"

// Scheme is a way to carry RTMP, which a URL's scheme names: rtmp, rtmpe, rtmps, rtmpt, rtmpte or rtmpts.
type Scheme struct {
	Tunnelled  bool // RTMPT: in HTTP requests
	Secure     bool // in TLS
	Enciphered bool // RTMPE, on which the handshake agrees
}

// ParseScheme is the opposite of String, in any case of letters.
func ParseScheme(name string) (s Scheme, ok bool) {
	rest, ok := strings.CutPrefix(strings.ToLower(name), "rtmp")
	rest, s.Tunnelled = strings.CutPrefix(rest, "t")
	switch rest {
	case "":
	case "s":
		s.Secure = true
	case "e":
		s.Enciphered = true
	default:
		ok = false
	}
	if !ok {
		return Scheme{}, false
	}
	return s, true
}

// String is the name as in URLs. RTMPE within TLS has none of its own: it is rtmps or rtmpts.
func (s Scheme) String() string {
	name := "rtmp"
	if s.Tunnelled {
		name = "rtmpt"
	}
	switch {
	case s.Secure:
		return name + "s"
	case s.Enciphered:
		return name + "e"
	}
	return name
}

// Port is the port of a URL that names none.
func (s Scheme) Port() string {
	switch {
	case s.Secure:
		return "443"
	case s.Tunnelled:
		return "80"
	}
	return "1935"
}
