package handshake

import "encoding/binary"

// signatureKeys is how many keys are in use: a byte of the HMAC key modulo this chooses one.
const signatureKeys = 15

// encipherXTEA enciphers a signature in place, as protocol 8 does: XTEA of 32 rounds on little-endian words, with keys
// chosen by the HMAC key that made the signature.
func encipherXTEA(signature, key []byte) {
	for i := 0; i < len(signature); i += 8 {
		half := signature[i : i+8]
		v0, v1 := binary.LittleEndian.Uint32(half), binary.LittleEndian.Uint32(half[4:])
		v0, v1 = xtea(&xteaKeys[key[i]%signatureKeys], v0, v1)
		binary.LittleEndian.PutUint32(half, v0)
		binary.LittleEndian.PutUint32(half[4:], v1)
	}
}

func xtea(key *[4]uint32, v0, v1 uint32) (uint32, uint32) {
	const delta = 0x9E3779B9
	sum := uint32(0)
	for range 32 {
		v0 += (v1<<4 ^ v1>>5) + v1 ^ (sum + key[sum&3])
		sum += delta
		v1 += (v0<<4 ^ v0>>5) + v0 ^ (sum + key[sum>>11&3])
	}
	return v0, v1
}

// xteaKeys are the keys of protocol 8.
var xteaKeys = [signatureKeys][4]uint32{
	{0xbff034b2, 0x11d9081f, 0xccdfb795, 0x748de732},
	{0x086a5eb6, 0x1743090e, 0x6ef05ab8, 0xfe5a39e2},
	{0x7b10956f, 0x76ce0521, 0x2388a73a, 0x440149a1},
	{0xa943f317, 0xebf11bb2, 0xa691a5ee, 0x17f36339},
	{0x7a30e00a, 0xb529e22c, 0xa087aea5, 0xc0cb79ac},
	{0xbdce0c23, 0x2febdeff, 0x1cfaae16, 0x1123239d},
	{0x55dd3f7b, 0x77e7e62e, 0x9bb8c499, 0xc9481ee4},
	{0x407bb6b4, 0x71e89136, 0xa7aebf55, 0xca33b839},
	{0xfcf6bdc3, 0xb63c3697, 0x7ce4f825, 0x04d959b2},
	{0x28e091fd, 0x41954c4c, 0x7fb7db00, 0xe3a066f8},
	{0x57845b76, 0x4f251b03, 0x46d45bcd, 0xa2c30d29},
	{0x0acceef8, 0xda55b546, 0x03473452, 0x5863713b},
	{0xb82075dc, 0xa75f1fee, 0xd84268e8, 0xa72a44cc},
	{0x07cf6e9e, 0xa16d7b25, 0x9fa7ae6c, 0xd92f5629},
	{0xfeb1eae4, 0x8c8c3ce1, 0x4e0064a7, 0x6a387c2a},
}
