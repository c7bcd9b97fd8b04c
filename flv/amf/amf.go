package amf

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
