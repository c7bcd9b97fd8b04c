package signer

import "strings"

// matches tells whether the pattern fits all of text: "*" stands for any characters or none, "?" for exactly one, as
// everywhere in CloudFront for a byte. Its time is linear in the text, times a 64th of the longest part between
// two stars.
func matches(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if len(text) < len(head) || !fits(head, text[:len(head)]) {
		return false
	}
	if !star {
		return len(text) == len(head)
	}
	text = text[len(head):]
	for {
		part, after, star := strings.Cut(rest, "*")
		if !star {
			return len(text) >= len(part) && fits(part, text[len(text)-len(part):])
		}
		i := find(part, text)
		if i < 0 {
			return false
		}
		text, rest = text[i+len(part):], after
	}
}

// fits compares a part without stars with a text of its length.
func fits(part, text string) bool {
	for i := range len(part) {
		if part[i] != '?' && part[i] != text[i] {
			return false
		}
	}
	return true
}

// find is where a part without stars first fits into the text, -1 for nowhere.
func find(part, text string) int {
	if !strings.Contains(part, "?") {
		return strings.Index(text, part)
	}
	if len(part) > len(text) {
		return -1
	}
	return shiftAnd(part, text)
}

// shiftAnd is find by the algorithm of Baeza-Yates and Gonnet: bit i of state says that the part fits up to its byte i
// where the text has come to.
func shiftAnd(part, text string) int {
	const bits = 64
	words := (len(part) + bits - 1) / bits
	var slot [256]int // which set of bits a byte has; 0 is that of bytes that the part does not hold
	sets := 1
	for i := range len(part) {
		if c := part[i]; c != '?' && slot[c] == 0 {
			slot[c] = sets * words
			sets++
		}
	}
	fit := make([]uint64, (sets+1)*words)
	state := fit[sets*words:]
	for i := range len(part) {
		bit := uint64(1) << (i % bits)
		if c := part[i]; c != '?' {
			fit[slot[c]+i/bits] |= bit
			continue
		}
		for s := range sets {
			fit[s*words+i/bits] |= bit
		}
	}
	last, lastBit := (len(part)-1)/bits, uint64(1)<<((len(part)-1)%bits)
	for i := range len(text) {
		set := fit[slot[text[i]]:]
		carry := uint64(1)
		for w, s := range state {
			state[w] = (s<<1 | carry) & set[w]
			carry = s >> (bits - 1)
		}
		if state[last]&lastBit != 0 {
			return i + 1 - len(part)
		}
	}
	return -1
}
