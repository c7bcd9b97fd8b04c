package amf

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// DecodeError says what is wrong with an encoded body, and where.
type DecodeError struct {
	Offset int // in bytes from the start of the body
	Reason string
}

func (e *DecodeError) Error() string { return fmt.Sprintf("amf: byte %d: %s", e.Offset, e.Reason) }

// Decode returns all values of the AMF0 body b: nil, bool, float64, string and the types of this package. References are
// resolved; containers may share memory then, so what is returned is not to be changed. With an error, which is a
// *DecodeError, come the values before the bad one.
func Decode(b []byte) ([]any, error) { return Decoder{}.Decode(b) }

// Decoder decodes within limits of the caller's choice. Zero means the default.
type Decoder struct {
	MaxElements int // how many elements one container may have: 1000
	MaxSize     int // how much memory, about, all values may take, references counted as if written out: 8 MiB
}

// Decode is like the function Decode, within the decoder's limits.
func (d Decoder) Decode(b []byte) ([]any, error) {
	p := parser{buf: b, maxElements: d.MaxElements, left: d.MaxSize}
	if p.maxElements == 0 {
		p.maxElements = defaultElements
	}
	if p.left == 0 {
		p.left = defaultSize
	}
	var values []any
	for p.off < len(b) {
		v := p.value(0)
		if p.err != nil {
			return values, p.err
		}
		values = append(values, v)
	}
	return values, nil
}

// parser reads values one after another. After an error all that it reads is zero, so callers check once.
type parser struct {
	buf         []byte
	off         int
	err         error
	maxElements int
	left        int // how much more memory the values may take
	deepest     int // the depth of the deepest container since a composite began
	references  []composite
}

// composite is a value that a reference may point to.
type composite struct {
	value  any
	size   int
	height int // how many levels of containers lie below it
	done   bool
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = &DecodeError{Offset: p.off, Reason: fmt.Sprintf(format, args...)}
		p.off = len(p.buf)
	}
}

// take returns the next n bytes, nil if there are not as many.
func (p *parser) take(n int) []byte {
	if n < 0 || n > len(p.buf)-p.off {
		p.fail("%d bytes wanted, %d left", n, len(p.buf)-p.off)
		return nil
	}
	b := p.buf[p.off : p.off+n]
	p.off += n
	return b
}

func (p *parser) u8() byte {
	if b := p.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (p *parser) u16() int {
	if b := p.take(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (p *parser) u32() uint32 {
	if b := p.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (p *parser) float() float64 {
	if b := p.take(8); b != nil {
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return 0
}

// text returns a string of n bytes.
func (p *parser) text(n int) string {
	b := p.take(n)
	p.charge(len(b))
	return string(b)
}

// long returns a string that a 32-bit length precedes.
func (p *parser) long() string {
	n := p.u32()
	if uint64(n) > uint64(len(p.buf)-p.off) {
		p.fail("string of %d bytes, %d left", n, len(p.buf)-p.off)
		return ""
	}
	return p.text(int(n))
}

// charge counts memory that a value takes.
func (p *parser) charge(n int) {
	if p.left -= n; p.left < 0 {
		p.fail("values take too much memory")
	}
}

// count checks a number of elements, each of which takes at least one byte.
func (p *parser) count(n uint32) int {
	if uint64(n) > uint64(p.maxElements) || uint64(n) > uint64(len(p.buf)-p.off) {
		p.fail("%d elements, of which %d are allowed and %d could fit", n, p.maxElements, len(p.buf)-p.off)
		return 0
	}
	return int(n)
}

// value reads an AMF0 value at the given depth of nesting.
func (p *parser) value(depth int) any {
	p.charge(valueSize)
	switch marker := p.u8(); marker {
	case markerNumber:
		return p.float()
	case markerBoolean:
		return p.u8() != 0
	case markerString:
		return p.text(p.u16())
	case markerLongString:
		return p.long()
	case markerXML:
		return XML(p.long())
	case markerNull:
		return nil
	case markerUndefined, markerUnsupported:
		return Undefined{}
	case markerDate:
		return Date{Milliseconds: p.float(), Zone: int16(p.u16())}
	case markerReference:
		return p.reference(p.u16(), depth)
	case markerAMF3:
		return p.amf3(depth)
	case markerObject, markerECMAArray, markerStrictArray, markerTyped:
		return p.composite(depth, func() any { return p.container(marker, depth) })
	default:
		p.fail("unknown type marker 0x%02x", marker)
		return nil
	}
}

// composite reads a value that later references may point to, and measures it.
func (p *parser) composite(depth int, read func() any) any {
	if p.enter(depth); p.err != nil {
		return nil
	}
	index := len(p.references)
	p.references = append(p.references, composite{})
	outer, left := p.deepest, p.left
	p.deepest = depth
	v := read()
	p.references[index] = composite{value: v, size: left - p.left, height: p.deepest - depth, done: true}
	p.deepest = max(p.deepest, outer)
	return v
}

func (p *parser) enter(depth int) {
	if depth >= MaxDepth {
		p.fail("containers nested more than %d deep", MaxDepth)
	}
}

// reference returns an earlier composite. It is charged for what it would take if it were written out, because that is
// what it takes when it is encoded again.
func (p *parser) reference(index, depth int) any {
	if p.err != nil {
		return nil
	}
	if index >= len(p.references) || !p.references[index].done {
		p.fail("reference to value %d, which is not complete", index)
		return nil
	}
	r := p.references[index]
	p.charge(r.size)
	p.deepest = max(p.deepest, depth+r.height)
	p.enter(depth + r.height)
	return r.value
}

func (p *parser) container(marker byte, depth int) any {
	switch marker {
	case markerObject:
		return Object(p.pairs(0, depth))
	case markerECMAArray:
		return ECMAArray(p.pairs(p.u32(), depth))
	case markerTyped:
		class := p.text(p.u16())
		return Typed{Class: class, Object: p.pairs(0, depth)}
	default:
		return p.elements(depth)
	}
}

// pairs reads properties up to the end marker. The count of an ECMA array is only a hint: Flash servers send 0, and some
// encoders send the right one and then leave out the end marker at the end of the body.
func (p *parser) pairs(hint uint32, depth int) []Pair {
	var pairs []Pair
	for p.err == nil {
		if hint > 0 && p.off == len(p.buf) && uint64(len(pairs)) >= uint64(hint) {
			break
		}
		key := p.text(p.u16())
		if key == "" && p.off < len(p.buf) && p.buf[p.off] == markerObjectEnd {
			p.off++
			break
		}
		if len(pairs) == p.maxElements {
			p.fail("more than %d properties", p.maxElements)
			break
		}
		pairs = append(pairs, Pair{key, p.nested(depth)})
	}
	return slices.Clone(pairs) // which leaves no room behind them: connect's are kept as long as the connection
}

func (p *parser) elements(depth int) StrictArray {
	n := p.count(p.u32())
	elements := make(StrictArray, 0, min(n, defaultElements))
	for range n {
		if elements = append(elements, p.nested(depth)); p.err != nil {
			break
		}
	}
	return elements
}

func (p *parser) nested(depth int) any {
	p.deepest = max(p.deepest, depth)
	return p.value(depth + 1)
}
