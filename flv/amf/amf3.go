package amf

import "strconv"

// The type markers of AMF3 (3.1).
const (
	amf3Undefined    = 0x00
	amf3Null         = 0x01
	amf3False        = 0x02
	amf3True         = 0x03
	amf3Integer      = 0x04
	amf3Double       = 0x05
	amf3String       = 0x06
	amf3XMLDocument  = 0x07
	amf3Date         = 0x08
	amf3Array        = 0x09
	amf3Object       = 0x0A
	amf3XML          = 0x0B
	amf3ByteArray    = 0x0C
	amf3VectorInt    = 0x0D
	amf3VectorUint   = 0x0E
	amf3VectorDouble = 0x0F
	amf3VectorObject = 0x10
	amf3Dictionary   = 0x11
)

// traits describe the class of an AMF3 object (3.12).
type traits struct {
	class        string
	dynamic      bool
	externalized bool
	keys         []string
}

// amf3Parser reads one AMF3 value, with reference tables of its own: composites in the embedded parser, strings, and
// traits.
type amf3Parser struct {
	*parser
	strings []string
	traits  []traits
}

// amf3 reads the AMF3 value that marker 0x11 announces. Its reference tables begin empty.
func (p *parser) amf3(depth int) any {
	outer := p.references
	p.references = nil
	v := (&amf3Parser{parser: p}).value(depth)
	p.references = outer
	return v
}

func (p *amf3Parser) nested(depth int) any {
	p.deepest = max(p.deepest, depth)
	p.charge(valueSize)
	return p.value(depth + 1)
}

func (p *amf3Parser) value(depth int) any {
	switch marker := p.u8(); marker {
	case amf3Undefined:
		return Undefined{}
	case amf3Null:
		return nil
	case amf3False:
		return false
	case amf3True:
		return true
	case amf3Integer:
		return float64(int32(p.u29()<<3) >> 3)
	case amf3Double:
		return p.float()
	case amf3String:
		return p.string()
	case amf3XMLDocument, amf3XML, amf3Date, amf3Array, amf3Object, amf3ByteArray, amf3VectorInt, amf3VectorUint,
		amf3VectorDouble, amf3VectorObject, amf3Dictionary:
		n := p.u29()
		if n&1 == 0 {
			return p.reference(int(n>>1), depth)
		}
		return p.composite(depth, func() any { return p.body(marker, n>>1, depth) })
	default:
		p.fail("unknown AMF3 type marker 0x%02x", marker)
		return nil
	}
}

// body reads a value that the object table holds; n is what follows its marker, without the bit for references.
func (p *amf3Parser) body(marker byte, n uint32, depth int) any {
	switch marker {
	case amf3XMLDocument, amf3XML:
		return XML(p.text(int(n)))
	case amf3Date:
		return Date{Milliseconds: p.float()}
	case amf3ByteArray:
		p.charge(int(n))
		return ByteArray(append([]byte(nil), p.take(int(n))...))
	case amf3Array:
		return p.array(n, depth)
	case amf3Object:
		return p.object(n, depth)
	case amf3Dictionary:
		return p.dictionary(n, depth)
	default:
		return p.vector(marker, n, depth)
	}
}

// u29 reads an integer of 29 bits (1.3.1).
func (p *amf3Parser) u29() uint32 {
	var n uint32
	for range 3 {
		b := p.u8()
		if b < 0x80 {
			return n<<7 | uint32(b)
		}
		n = n<<7 | uint32(b&0x7F)
	}
	return n<<8 | uint32(p.u8())
}

// string reads a string, or a reference to an earlier one; the empty string is never one of these (1.3.2).
func (p *amf3Parser) string() string {
	n := p.u29()
	if n&1 == 0 {
		index := int(n >> 1)
		if index >= len(p.strings) {
			p.fail("reference to string %d of %d", index, len(p.strings))
			return ""
		}
		p.charge(len(p.strings[index]))
		return p.strings[index]
	}
	s := p.text(int(n >> 1))
	if s != "" {
		p.strings = append(p.strings, s)
	}
	return s
}

// key reads a string that names a property or a class. It must fit into AMF0.
func (p *amf3Parser) key() string {
	s := p.string()
	if len(s) > maxShort {
		p.fail("key of %d bytes", len(s))
		return ""
	}
	return s
}

// array reads an array of n dense elements: a StrictArray, or an ECMAArray where it also has properties.
func (p *amf3Parser) array(n uint32, depth int) any {
	pairs := p.pairs(depth)
	count := p.count(n)
	if len(pairs)+count > p.maxElements {
		p.fail("more than %d elements", p.maxElements)
	}
	elements := make(StrictArray, 0, min(count, defaultElements))
	for i := 0; i < count && p.err == nil; i++ {
		elements = append(elements, p.nested(depth))
	}
	if len(pairs) == 0 {
		return elements
	}
	for i, e := range elements {
		key := strconv.Itoa(i)
		p.charge(len(key))
		pairs = append(pairs, Pair{key, e})
	}
	return ECMAArray(pairs)
}

// pairs reads properties up to an empty key.
func (p *amf3Parser) pairs(depth int) []Pair {
	var pairs []Pair
	for p.err == nil {
		key := p.key()
		if key == "" {
			break
		}
		if len(pairs) == p.maxElements {
			p.fail("more than %d properties", p.maxElements)
			break
		}
		pairs = append(pairs, Pair{key, p.nested(depth)})
	}
	return pairs
}

// object reads an object whose flags begin with the bit that tells traits from a reference to them (3.12).
func (p *amf3Parser) object(flags uint32, depth int) any {
	t := p.readTraits(flags)
	if p.err != nil {
		return nil
	}
	if t.externalized {
		return p.external(t.class, depth)
	}
	pairs := make([]Pair, 0, len(t.keys))
	for _, key := range t.keys {
		p.charge(len(key))
		if pairs = append(pairs, Pair{key, p.nested(depth)}); p.err != nil {
			return nil
		}
	}
	if t.dynamic {
		pairs = append(pairs, p.pairs(depth)...)
	}
	if len(pairs) > p.maxElements {
		p.fail("more than %d properties", p.maxElements)
	}
	if t.class == "" {
		return Object(pairs)
	}
	p.charge(len(t.class))
	return Typed{Class: t.class, Object: pairs}
}

func (p *amf3Parser) readTraits(flags uint32) traits {
	if flags&1 == 0 {
		index := int(flags >> 1)
		if index >= len(p.traits) {
			p.fail("reference to traits %d of %d", index, len(p.traits))
			return traits{}
		}
		return p.traits[index]
	}
	t := traits{externalized: flags&2 != 0, dynamic: flags&4 != 0, class: p.key()}
	for range p.count(flags >> 3) {
		if t.keys = append(t.keys, p.key()); p.err != nil {
			break
		}
	}
	p.traits = append(p.traits, t)
	return t
}

// external reads an object that wrote itself. Only the wrappers of Flex are known; each is one value.
func (p *amf3Parser) external(class string, depth int) any {
	switch class {
	case "flex.messaging.io.ArrayCollection", "flex.messaging.io.ArrayList", "flex.messaging.io.ObjectProxy":
		return p.nested(depth)
	}
	p.fail("externalizable class %q", class)
	return nil
}

// dictionary reads a Dictionary whose keys are strings (3.16).
func (p *amf3Parser) dictionary(n uint32, depth int) any {
	count := p.count(n)
	p.u8() // weak keys: of no meaning outside of Flash
	pairs := make(ECMAArray, 0, min(count, defaultElements))
	for i := 0; i < count && p.err == nil; i++ {
		if marker := p.u8(); marker != amf3String {
			p.fail("dictionary key of type 0x%02x", marker)
		}
		pairs = append(pairs, Pair{p.key(), p.nested(depth)})
	}
	return pairs
}

// vector reads a Vector of n elements (3.15).
func (p *amf3Parser) vector(marker byte, n uint32, depth int) any {
	count := p.count(n)
	p.u8() // fixed length: of no meaning outside of Flash
	if marker == amf3VectorObject {
		p.key()
	}
	elements := make(StrictArray, 0, min(count, defaultElements))
	for i := 0; i < count && p.err == nil; i++ {
		elements = append(elements, p.element(marker, depth))
	}
	return elements
}

func (p *amf3Parser) element(marker byte, depth int) any {
	if marker == amf3VectorObject {
		return p.nested(depth)
	}
	p.charge(valueSize)
	switch marker {
	case amf3VectorInt:
		return float64(int32(p.u32()))
	case amf3VectorUint:
		return float64(p.u32())
	default:
		return p.float()
	}
}
