package signer

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMatches(t *testing.T) {
	t.Parallel()
	cases := []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a/b.c", true}, {"?", "", false}, {"?", "a", true}, {"?", "ab", false},
		{"videos/*", "videos/a/b.mp4", true}, {"videos/*", "video", false}, {"*.mp4", "a.mp4", true}, {"*.mp4", "a.mp4x", false},
		{"a?.mp4", "a1.mp4", true}, {"a?.mp4", "a.mp4", false}, {"*a?c*", "xxabcxx", true}, {"*a?c*", "xxacxx", false},
		{"a*b*c", "aXbYc", true}, {"a*b*c", "abc", true}, {"a*b*c", "acb", false}, {"ab*ba", "aba", false}, {"**", "x", true},
		{"*?*?*", "ab", true}, {"*?*?*", "a", false}, {"a", "A", false}, {"*aab?", "aaaabx", true},
	}
	for _, c := range cases {
		require.Equal(t, c.want, matches(c.pattern, c.text), "%q on %q", c.pattern, c.text)
	}
}

// FuzzMatches compares with a regular expression.
func FuzzMatches(f *testing.F) {
	f.Add("a*b?c", "aXXbXc")
	f.Add("*a??b*"+strings.Repeat("?", 70)+"*", strings.Repeat("ab", 60))
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 300 || len(text) > 300 {
			return
		}
		var re strings.Builder
		for _, c := range []byte(pattern) {
			switch c {
			case '*':
				re.WriteString("[0-9a-f]{2}*")
			case '?':
				re.WriteString("..")
			default:
				re.WriteString(hexByte(c))
			}
		}
		expr := strings.ReplaceAll(re.String(), "[0-9a-f]{2}*", "(?:..)*")
		want := regexp.MustCompile("^" + expr + "$").MatchString(hexString(text))
		require.Equal(t, want, matches(pattern, text))
	})
}

func hexByte(c byte) string { const d = "0123456789abcdef"; return string([]byte{d[c>>4], d[c&15]}) }

func hexString(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteString(hexByte(c))
	}
	return b.String()
}

// bombs are patterns that take naive matchers quadratic or exponential time.
func bombs() []string {
	const n = maxResource
	return []string{
		strings.Repeat("*a", n/2) + "b",
		strings.Repeat("*", n-1) + "b",
		"*" + strings.Repeat("a", n/2) + "b*",
		"*" + strings.Repeat("?", n/2) + "b*",
		"*" + strings.Repeat("a?", n/4) + "b*b",
		strings.Repeat("*?a?", n/8) + "b",
		strings.Repeat("?*", n/2),
	}
}

func TestWildcardBombs(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a", maxResource)
	for i, pattern := range bombs() {
		began := time.Now()
		for range 10 {
			matches(pattern, text)
		}
		require.Less(t, time.Since(began), 50*time.Millisecond, i)
	}
}

func BenchmarkBombs(b *testing.B) {
	text := strings.Repeat("a", maxResource)
	for _, pattern := range bombs() {
		b.Run(pattern[:4], func(b *testing.B) {
			for b.Loop() {
				matches(pattern, text)
			}
		})
	}
}
