package amf

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
)

// The type markers of AMF0 (2.1).
const (
	markerNumber      = 0x00
	markerBoolean     = 0x01
	markerString      = 0x02
	markerObject      = 0x03
	markerNull        = 0x05
	markerUndefined   = 0x06
	markerReference   = 0x07
	markerECMAArray   = 0x08
	markerObjectEnd   = 0x09
	markerStrictArray = 0x0A
	markerDate        = 0x0B
	markerLongString  = 0x0C
	markerUnsupported = 0x0D
	markerXML         = 0x0F
	markerTyped       = 0x10
	markerAMF3        = 0x11
)

// EncodeError says why a value cannot be written.
type EncodeError struct {
	Reason string
}

func (e *EncodeError) Error() string { return "amf: cannot encode: " + e.Reason }

// Append appends the values to dst as AMF0. It takes nil, bool, string, the types of this package and, as numbers, all
// integers and floats; anything else is an *EncodeError, with which dst is returned as it was.
func Append(dst []byte, values ...any) ([]byte, error) {
	out := dst
	for _, v := range values {
		var err error
		if out, err = appendValue(out, v, 0); err != nil {
			return dst, err
		}
	}
	return out, nil
}

func appendValue(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, markerNull), nil
	case Undefined:
		return append(dst, markerUndefined), nil
	case bool:
		if v {
			return append(dst, markerBoolean, 1), nil
		}
		return append(dst, markerBoolean, 0), nil
	case string:
		return appendString(dst, v)
	case XML:
		return appendLong(append(dst, markerXML), string(v))
	case Date:
		dst = appendFloat(append(dst, markerDate), v.Milliseconds)
		return binary.BigEndian.AppendUint16(dst, uint16(v.Zone)), nil
	case ByteArray:
		return appendByteArray(dst, v)
	case Object:
		return appendPairs(append(dst, markerObject), v, depth)
	case ECMAArray:
		dst = binary.BigEndian.AppendUint32(append(dst, markerECMAArray), uint32(len(v)))
		return appendPairs(dst, v, depth)
	case Typed:
		dst, err := appendShort(append(dst, markerTyped), v.Class)
		if err != nil {
			return dst, err
		}
		return appendPairs(dst, v.Object, depth)
	case StrictArray:
		return appendElements(dst, v, depth)
	}
	if f, ok := numberOf(v, true); ok {
		return appendFloat(append(dst, markerNumber), f), nil
	}
	// Not fmt's %T: with it every argument of Append would escape to the heap.
	return dst, &EncodeError{"a " + reflect.TypeOf(v).String()}
}

func checkDepth(depth int) error {
	if depth >= MaxDepth {
		return &EncodeError{fmt.Sprintf("containers nested more than %d deep", MaxDepth)}
	}
	return nil
}

func appendFloat(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f))
}

func appendString(dst []byte, s string) ([]byte, error) {
	if len(s) > maxShort {
		return appendLong(append(dst, markerLongString), s)
	}
	return appendShort(append(dst, markerString), s)
}

func appendShort(dst []byte, s string) ([]byte, error) {
	if len(s) > maxShort {
		return dst, &EncodeError{fmt.Sprintf("a key or class name of %d bytes", len(s))}
	}
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...), nil
}

func appendLong(dst []byte, s string) ([]byte, error) {
	if uint64(len(s)) > math.MaxUint32 {
		return dst, &EncodeError{fmt.Sprintf("a string of %d bytes", len(s))}
	}
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...), nil
}

func appendPairs(dst []byte, pairs []Pair, depth int) ([]byte, error) {
	err := checkDepth(depth)
	if err != nil {
		return dst, err
	}
	for i := range pairs {
		if dst, err = appendShort(dst, pairs[i].Key); err != nil {
			return dst, err
		}
		if dst, err = appendValue(dst, pairs[i].Value, depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, 0, 0, markerObjectEnd), nil
}

func appendElements(dst []byte, elements []any, depth int) ([]byte, error) {
	err := checkDepth(depth)
	if err != nil {
		return dst, err
	}
	dst = binary.BigEndian.AppendUint32(append(dst, markerStrictArray), uint32(len(elements)))
	for _, e := range elements {
		if dst, err = appendValue(dst, e, depth+1); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// appendByteArray writes b as an AMF3 value (AMF3, 3.14): a length with the lowest bit set, in groups of 7 bits but for
// the fourth, which has 8 (AMF3, 1.3.1).
func appendByteArray(dst []byte, b ByteArray) ([]byte, error) {
	if len(b) > maxU29 {
		return dst, &EncodeError{fmt.Sprintf("a byte array of %d bytes", len(b))}
	}
	dst = append(dst, markerAMF3, amf3ByteArray)
	n := uint32(len(b))<<1 | 1
	switch {
	case n < 1<<7:
		dst = append(dst, byte(n))
	case n < 1<<14:
		dst = append(dst, byte(n>>7)|0x80, byte(n)&0x7F)
	case n < 1<<21:
		dst = append(dst, byte(n>>14)|0x80, byte(n>>7)|0x80, byte(n)&0x7F)
	default:
		dst = append(dst, byte(n>>22)|0x80, byte(n>>15)|0x80, byte(n>>8)|0x80, byte(n))
	}
	return append(dst, b...), nil
}
