package amf

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// unhex reads hexadecimal digits in which blanks are only for the eye.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// amf0Cases are values and their one encoding.
var amf0Cases = []struct {
	name  string
	value any
	wire  string
}{
	{"number", 3.5, "00 400c000000000000"},
	{"true", true, "01 01"},
	{"false", false, "01 00"},
	{"string", "play", "02 0004 706c6179"},
	{"empty string", "", "02 0000"},
	{"object", Object{{"app", "a"}, {"", nil}}, "03 0003 617070 02 0001 61 0000 05 000009"},
	{"null", nil, "05"},
	{"undefined", Undefined{}, "06"},
	{"ECMA array", ECMAArray{{"w", 1.0}}, "08 00000001 0001 77 00 3ff0000000000000 000009"},
	{"strict array", StrictArray{true, nil}, "0a 00000002 01 01 05"},
	{"date", Date{Milliseconds: 1000, Zone: -60}, "0b 408f400000000000 ffc4"},
	{"XML", XML("<a/>"), "0f 00000004 3c612f3e"},
	{"typed", Typed{"C", Object{{"k", false}}}, "10 0001 43 0001 6b 01 00 000009"},
	{"byte array", ByteArray{1, 2}, "11 0c 05 0102"},
}

func TestAMF0(t *testing.T) {
	t.Parallel()
	for _, c := range amf0Cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, err := Append([]byte{0xEE}, c.value)
			require.NoError(t, err)
			require.Equal(t, append([]byte{0xEE}, unhex(c.wire)...), b)
			values, err := Decode(b[1:])
			require.NoError(t, err)
			require.Equal(t, []any{c.value}, values)
			if _, ok := c.value.(ECMAArray); ok {
				return // may lack its end
			}
			for n := 1; n < len(b)-1; n++ {
				_, err := Decode(b[1 : 1+n])
				var bad *DecodeError
				require.ErrorAs(t, err, &bad, "the first %d bytes", n)
				require.LessOrEqual(t, bad.Offset, n)
			}
		})
	}
}

func TestAppendNumbers(t *testing.T) {
	t.Parallel()
	want := unhex("00 4008000000000000")
	for _, v := range []any{3, int8(3), int16(3), int32(3), int64(3), uint(3), uint8(3), uint16(3), uint32(3), uint64(3),
		float32(3), 3.0} {
		b, err := Append(nil, v)
		require.NoError(t, err)
		require.Equal(t, want, b, "%T", v)
		n, ok := Object{{"k", v}}.Number("k")
		require.True(t, ok, "%T", v)
		require.Equal(t, 3.0, n)
	}
}

func TestLongStrings(t *testing.T) {
	t.Parallel()
	for n, marker := range map[int]byte{maxShort: markerString, maxShort + 1: markerLongString} {
		s := strings.Repeat("x", n)
		b, err := Append(nil, s)
		require.NoError(t, err)
		require.Equal(t, marker, b[0])
		values, err := Decode(b)
		require.NoError(t, err)
		require.Equal(t, []any{s}, values)
	}
}

func TestAppendErrors(t *testing.T) {
	t.Parallel()
	cyclic := make(StrictArray, 2)
	cyclic[0], cyclic[1] = 1, cyclic
	long := strings.Repeat("k", maxShort+1)
	for name, v := range map[string]any{
		"unknown type":    struct{}{},
		"pointer":         new(int),
		"cycle":           cyclic,
		"long key":        Object{{long, 1}},
		"long class":      Typed{Class: long},
		"in a container":  ECMAArray{{"k", StrictArray{make(chan int)}}},
		"long inner key":  StrictArray{Object{{long, nil}}},
		"too many levels": nest(MaxDepth + 1),
	} {
		b, err := Append([]byte("kept"), "first", v)
		var bad *EncodeError
		require.ErrorAs(t, err, &bad, name)
		require.Equal(t, "kept", string(b), name)
	}
}

// nest returns depth containers in one another.
func nest(depth int) any {
	var v any = 1.0
	for i := range depth {
		if i%2 == 0 {
			v = StrictArray{v}
		} else {
			v = Object{{"k", v}}
		}
	}
	return v
}

func TestDepth(t *testing.T) {
	t.Parallel()
	b, err := Append(nil, nest(MaxDepth))
	require.NoError(t, err)
	_, err = Decode(b)
	require.NoError(t, err)
	for _, opening := range []string{"0a 00000001", "03 0001 6b", "08 00000001 0001 6b", "10 0000 0001 6b"} {
		_, err = Decode(bytes.Repeat(unhex(opening), 1<<16))
		require.ErrorContains(t, err, "nested", opening)
	}
	for _, opening := range []string{"09 03 01", "0a 0b 01 03 6b", "11 03 00 06 03 6b", "10 03 00 01"} {
		_, err = Decode(append([]byte{markerAMF3}, bytes.Repeat(unhex(opening), 1<<16)...))
		require.ErrorContains(t, err, "nested", opening)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	shared := Object{{"a", 1.0}}
	for _, c := range []struct {
		name string
		wire string
		want []any
	}{
		{"several values", "05 01 01 02 0001 61", []any{nil, true, "a"}},
		{"nothing", "", nil},
		{"ECMA count 0", "08 00000000 0001 61 05 000009", []any{ECMAArray{{"a", nil}}}},
		{"ECMA count too large", "08 ffffffff 0001 61 05 000009", []any{ECMAArray{{"a", nil}}}},
		{"ECMA array without an end", "08 00000001 0001 61 05", []any{ECMAArray{{"a", nil}}}},
		{"unsupported", "0d", []any{Undefined{}}},
		{"reference", "03 0001 61 00 3ff0000000000000 000009 07 0000", []any{shared, shared}},
		{"reference in an array", "0a 00000002 03 0001 61 00 3ff0000000000000 000009 07 0001", []any{StrictArray{shared, shared}}},
		{"duplicate keys", "03 0001 61 05 0001 61 01 01 000009", []any{Object{{"a", nil}, {"a", true}}}},

		{"AMF3 constants", "11 00 11 01 11 02 11 03", []any{Undefined{}, nil, false, true}},
		{"AMF3 integers", "11 04 00 11 04 7f 11 04 8100 11 04 bfffffff 11 04 ffffffff 11 04 c0808000",
			[]any{0.0, 127.0, 128.0, 268435455.0, -1.0, -268435456.0}},
		{"AMF3 double", "11 05 400c000000000000", []any{3.5}},
		{"AMF3 string", "11 06 07 616263", []any{"abc"}},
		{"AMF3 string references", "11 09 07 01 06 03 61 06 01 06 00", []any{StrictArray{"a", "", "a"}}},
		{"AMF3 XML", "11 07 09 3c612f3e 11 0b 09 3c612f3e", []any{XML("<a/>"), XML("<a/>")}},
		{"AMF3 date", "11 08 01 408f400000000000", []any{Date{Milliseconds: 1000}}},
		{"AMF3 array with properties", "11 09 03 03 6b 03 01 02", []any{ECMAArray{{"k", true}, {"0", false}}}},
		{"AMF3 anonymous object", "11 0a 0b 01 03 6b 04 05 01", []any{Object{{"k", 5.0}}}},
		{"AMF3 class, traits by reference", "11 09 05 01 0a 13 03 43 03 6b 04 01 0a 01 04 02",
			[]any{StrictArray{Typed{"C", Object{{"k", 1.0}}}, Typed{"C", Object{{"k", 2.0}}}}}},
		{"AMF3 object by reference", "11 09 05 01 0a 0b 01 03 6b 03 01 0a 02",
			[]any{StrictArray{Object{{"k", true}}, Object{{"k", true}}}}},
		{"AMF3 ArrayCollection", "11 0a 07 43" + hex.EncodeToString([]byte("flex.messaging.io.ArrayCollection")) + "09 03 01 03",
			[]any{StrictArray{true}}},
		{"AMF3 vectors", "11 0d 03 00 ffffffff 11 0e 03 01 ffffffff 11 0f 03 00 400c000000000000 11 10 03 00 01 03",
			[]any{StrictArray{-1.0}, StrictArray{4294967295.0}, StrictArray{3.5}, StrictArray{true}}},
		{"AMF3 dictionary", "11 11 03 00 06 03 6b 03", []any{ECMAArray{{"k", true}}}},
		{"AMF3 tables end with the value", "11 06 03 61 11 06 03 62", []any{"a", "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			values, err := Decode(unhex(c.wire))
			require.NoError(t, err)
			require.Equal(t, c.want, values)
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		wire   string
		offset int
		reason string
	}{
		{"unknown marker", "05 20", 2, "unknown type marker 0x20"},
		{"movie clip", "04", 1, "unknown type marker 0x04"},
		{"end marker alone", "09", 1, "unknown type marker 0x09"},
		{"long string past the end", "0c 7fffffff", 5, "string of"},
		{"array count past the end", "0a 000003e8 05", 5, "elements"},
		{"reference to nothing", "07 0000", 3, "not complete"},
		{"reference to itself", "0a 00000001 07 0000", 8, "not complete"},
		{"AMF3 unknown marker", "11 20", 2, "unknown AMF3 type marker"},
		{"AMF3 string reference", "11 06 02", 3, "reference to string 1"},
		{"AMF3 traits reference", "11 0a 05", 3, "reference to traits"},
		{"AMF3 object reference", "11 0a 02", 3, "not complete"},
		{"AMF3 class that writes itself", "11 0a 07 03 43", 5, "externalizable"},
		{"AMF3 dictionary of numbers", "11 11 03 00 04 01 03", 5, "dictionary key"},
		{"AMF3 count", "11 09 bfffffff 01", 7, "elements"},
		{"AMF3 tables end with the value", "11 06 03 61 11 06 00", 7, "reference to string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Decode(unhex(c.wire))
			var bad *DecodeError
			require.ErrorAs(t, err, &bad)
			require.ErrorContains(t, err, c.reason)
			require.Equal(t, c.offset, bad.Offset)
		})
	}
}

func TestDecodeKeepsWhatWasGood(t *testing.T) {
	t.Parallel()
	values, err := Decode(unhex("02 0001 61 05 ff"))
	require.Error(t, err)
	require.Equal(t, []any{"a", nil}, values)
}

func TestElementLimit(t *testing.T) {
	t.Parallel()
	fits, over := make(StrictArray, defaultElements), make(StrictArray, defaultElements+1)
	pairs := make(Object, defaultElements+1)
	b, err := Append(nil, fits)
	require.NoError(t, err)
	_, err = Decode(b)
	require.NoError(t, err)
	for _, v := range []any{over, pairs} {
		b, err := Append(nil, v)
		require.NoError(t, err)
		_, err = Decode(b)
		require.Error(t, err)
		_, err = Decoder{MaxElements: 2000}.Decode(b)
		require.NoError(t, err)
		_, err = Decoder{MaxElements: 2000, MaxSize: 4096}.Decode(b)
		require.ErrorContains(t, err, "memory")
	}
}

// TestReferenceBomb builds arrays each of which refers to the one before a hundred times: written out they would take
// more bytes than there are atoms.
func TestReferenceBomb(t *testing.T) {
	t.Parallel()
	bomb := unhex("0a 00000001 05")
	for i := range 14 {
		bomb = append(bomb, unhex("0a 00000064")...)
		for range 100 {
			bomb = append(bomb, markerReference, 0, byte(i))
		}
	}
	_, err := Decode(bomb)
	require.Error(t, err)
	long := append(unhex("11 09 8f51 01 06 ffff7f"), make([]byte, 1<<20-1)...)
	long = append(long, bytes.Repeat([]byte{amf3String, 0}, 999)...)
	_, err = Decode(long)
	require.ErrorContains(t, err, "memory")
}

func TestProperties(t *testing.T) {
	t.Parallel()
	pairs := []Pair{{"k", 1.0}, {"s", "x"}, {"k", 2.0}}
	for _, v := range []any{Object(pairs), ECMAArray(pairs), Typed{"C", pairs}} {
		o, ok := Properties(v)
		require.True(t, ok)
		require.Equal(t, Object(pairs), o)
	}
	_, ok := Properties("k")
	require.False(t, ok)

	for _, o := range []interface {
		Lookup(string) (any, bool)
		String(string) string
		Number(string) (float64, bool)
	}{Object(pairs), ECMAArray(pairs), Typed{"C", pairs}} {
		v, ok := o.Lookup("k")
		require.True(t, ok)
		require.Equal(t, 2.0, v)
		_, ok = o.Lookup("none")
		require.False(t, ok)
		require.Equal(t, "x", o.String("s"))
		require.Empty(t, o.String("k"))
		_, ok = o.Number("s")
		require.False(t, ok)
	}
}

func TestDateTime(t *testing.T) {
	t.Parallel()
	require.Equal(t, time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC), Date{Milliseconds: 1000}.Time())
	require.NotPanics(t, func() { _ = Date{Milliseconds: math.NaN()}.Time() })
}
