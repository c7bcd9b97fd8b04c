package amf

import "time"

// Pair is one property: a key and its value.
type Pair struct {
	Key   string
	Value any
}

// Object is an anonymous object: an ordered list of properties, so that what is encoded is stable to the byte.
type Object []Pair

// ECMAArray is an associative array, also ordered. Flash sends one where it could send an Object, and the other way
// round: readers take either.
type ECMAArray []Pair

// StrictArray is a dense array.
type StrictArray []any

// Undefined is the undefined value; nil is null.
type Undefined struct{}

// Date is a point in time.
type Date struct {
	Milliseconds float64 // since 1970-01-01 00:00 UTC
	Zone         int16   // minutes; reserved, and 0 in what is written today (AMF0, 2.13)
}

// Time is the date as a time in UTC.
func (d Date) Time() time.Time { return time.UnixMilli(int64(d.Milliseconds)).UTC() }

// Typed is an object of a class.
type Typed struct {
	Class string
	Object
}

// XML is the text of an XML document.
type XML string

// ByteArray is AMF3's array of bytes. AMF0 has none: it is written as an AMF3 value.
type ByteArray []byte

// Lookup returns the value of key: the last one, where a key occurs more than once.
func (o Object) Lookup(key string) (any, bool) { return lookup(o, key) }

// String returns the value of key where it is a string, and "" otherwise.
func (o Object) String(key string) string { return stringOf(lookup(o, key)) }

// Number returns the value of key, and whether it is a number.
func (o Object) Number(key string) (float64, bool) { return numberOf(lookup(o, key)) }

// Lookup returns the value of key: the last one, where a key occurs more than once.
func (a ECMAArray) Lookup(key string) (any, bool) { return lookup(a, key) }

// String returns the value of key where it is a string, and "" otherwise.
func (a ECMAArray) String(key string) string { return stringOf(lookup(a, key)) }

// Number returns the value of key, and whether it is a number.
func (a ECMAArray) Number(key string) (float64, bool) { return numberOf(lookup(a, key)) }

// Properties returns the properties of an Object, an ECMAArray or a Typed, and whether v is one of these.
func Properties(v any) (Object, bool) {
	switch v := v.(type) {
	case Object:
		return v, true
	case ECMAArray:
		return Object(v), true
	case Typed:
		return v.Object, true
	}
	return nil, false
}

func lookup(pairs []Pair, key string) (any, bool) {
	for i := len(pairs) - 1; i >= 0; i-- {
		if pairs[i].Key == key {
			return pairs[i].Value, true
		}
	}
	return nil, false
}

func stringOf(v any, _ bool) string {
	s, _ := v.(string)
	return s
}

// numberOf takes every type that Append writes as a number, so that values which were never encoded read the same.
func numberOf(v any, _ bool) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case float32:
		return float64(v), true
	case int:
		return float64(v), true
	case int8:
		return float64(v), true
	case int16:
		return float64(v), true
	case int32:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint:
		return float64(v), true
	case uint8:
		return float64(v), true
	case uint16:
		return float64(v), true
	case uint32:
		return float64(v), true
	case uint64:
		return float64(v), true
	}
	return 0, false
}
