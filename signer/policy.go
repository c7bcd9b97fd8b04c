package signer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"
)

// A Policy says what may be played, and when, and from where.
type Policy struct {
	// Resource is what may be played: the name without prefix, or with wildcards, "*" for any characters and "?" for
	// one. "" means the name that is signed, and with NotBefore and Source unset makes a canned policy.
	Resource string
	// Expires is the time from which the policy is no longer valid, in whole seconds. It must be set.
	Expires time.Time
	// NotBefore is the time from which it is valid; the zero Time is no bound.
	NotBefore time.Time
	// Source holds the addresses that may play; the zero Prefix is no bound. CloudFront knew IPv4 alone.
	Source netip.Prefix
}

// The parts of a canned policy, whose every byte is signed (developer guide, "Creating a policy statement for a signed
// URL that uses a canned policy").
const (
	cannedHead = `{"Statement":[{"Resource":"`
	cannedMid  = `","Condition":{"DateLessThan":{"AWS:EpochTime":`
	cannedTail = `}}}]}`
)

// appendCanned appends the canned policy of a resource.
func appendCanned(b []byte, f *form, expires string) []byte {
	b = f.appendTo(append(b, cannedHead...))
	return append(append(append(b, cannedMid...), expires...), cannedTail...)
}

// appendCustom appends the policy in the form of AWS's own signers.
func (p *Policy) appendCustom(b []byte) []byte {
	b = append(append(b, `{"Statement":[{"Resource":`...), quoted(p.Resource)...)
	b = append(b, `,"Condition":{`...)
	if p.Source.IsValid() {
		b = append(append(append(b, `"IpAddress":{"AWS:SourceIp":"`...), p.Source.String()...), `"},`...)
	}
	if !p.NotBefore.IsZero() {
		b = append(strconv.AppendInt(append(b, `"DateGreaterThan":{"AWS:EpochTime":`...), p.NotBefore.Unix(), 10), "},"...)
	}
	b = strconv.AppendInt(append(b, `"DateLessThan":{"AWS:EpochTime":`...), p.Expires.Unix(), 10)
	return append(b, cannedTail...)
}

// quoted is s as a JSON string, with no more escapes than JSON asks for.
func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// parsePolicy reads a custom policy, whose signature is known to be right. It takes what CloudFront documents and nothing
// else: what it does not know may be a condition.
func parsePolicy(data []byte) (p Policy, err error) {
	d := policyDecoder{Decoder: json.NewDecoder(bytes.NewReader(data))}
	d.UseNumber()
	d.object(map[string]func(){"Statement": func() {
		d.delim('[')
		d.object(map[string]func(){
			"Resource": func() { p.Resource = d.text() },
			"Condition": func() {
				d.object(map[string]func(){
					"DateLessThan":    func() { p.Expires = d.epoch() },
					"DateGreaterThan": func() { p.NotBefore = d.epoch() },
					"IpAddress":       func() { p.Source = d.source() },
				})
			},
		})
		d.delim(']')
	}})
	if _, err := d.Token(); d.err == nil && err != io.EOF {
		d.err = errors.New("something follows it")
	}
	switch {
	case d.err != nil:
		return p, fmt.Errorf("%w: policy: %w", ErrMalformed, d.err)
	case p.Resource == "" || len(p.Resource) > maxResource:
		return p, fmt.Errorf("%w: policy has a resource of %d bytes", ErrMalformed, len(p.Resource))
	case p.Expires.IsZero():
		return p, fmt.Errorf("%w: policy has no DateLessThan", ErrMalformed)
	}
	return p, nil
}

// A policyDecoder reads JSON of a known shape. After its first error it reads nothing more.
type policyDecoder struct {
	*json.Decoder
	err error
}

func (d *policyDecoder) token() json.Token {
	if d.err != nil {
		return nil
	}
	t, err := d.Token()
	d.err = err
	return t
}

func (d *policyDecoder) delim(want json.Delim) {
	if t := d.token(); d.err == nil && t != want {
		d.err = fmt.Errorf("%v where %v should be", kind(t), want)
	}
}

// object reads an object with the given members, each at most once, in any order.
func (d *policyDecoder) object(members map[string]func()) {
	d.delim('{')
	for d.err == nil && d.More() {
		key, _ := d.token().(string)
		read := members[key]
		if d.err == nil && read == nil {
			d.err = errors.New("a member that is unknown or there twice")
			return
		}
		if d.err == nil {
			delete(members, key)
			read()
		}
	}
	d.delim('}')
}

func (d *policyDecoder) text() string {
	t := d.token()
	s, ok := t.(string)
	if d.err == nil && !ok {
		d.err = fmt.Errorf("%v where a string should be", kind(t))
	}
	return s
}

// epoch reads {"AWS:EpochTime":1357034400}.
func (d *policyDecoder) epoch() (at time.Time) {
	d.object(map[string]func(){"AWS:EpochTime": func() {
		t := d.token()
		number, _ := t.(json.Number)
		if d.err == nil && !isEpoch(number.String()) {
			d.err = fmt.Errorf("%v where seconds should be", kind(t))
		}
		at = epochTime(number.String())
	}})
	if d.err == nil && at.IsZero() {
		d.err = errors.New("a date without AWS:EpochTime")
	}
	return at
}

// source reads {"AWS:SourceIp":"192.0.2.0/24"}; an address without length is one address.
func (d *policyDecoder) source() (p netip.Prefix) {
	d.object(map[string]func(){"AWS:SourceIp": func() {
		s := d.text()
		if d.err != nil {
			return
		}
		if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
			p = netip.PrefixFrom(addr, addr.BitLen())
		} else if p, err = netip.ParsePrefix(s); err != nil {
			d.err = errors.New("AWS:SourceIp is neither an address nor a CIDR block")
		}
	}})
	if d.err == nil && !p.IsValid() {
		d.err = errors.New("IpAddress without AWS:SourceIp")
	}
	return p
}

// kind names a token for an error, without what it holds.
func kind(t json.Token) string {
	switch t := t.(type) {
	case json.Delim:
		return t.String()
	case string:
		return "a string"
	case json.Number:
		return "a number"
	}
	return "a literal"
}

// epochTime is the time of digits that isEpoch has seen.
func epochTime(digits string) time.Time {
	n, _ := strconv.ParseInt(digits, 10, 64)
	return time.Unix(n, 0)
}

// check tells whether the policy holds for a viewer at a time, of whom no resource is asked.
func (p *Policy) check(now time.Time, viewer netip.Addr) error {
	switch {
	case !now.Before(p.Expires):
		return fmt.Errorf("%w, at %s", ErrExpired, p.Expires.UTC().Format(time.RFC3339))
	case now.Before(p.NotBefore):
		return fmt.Errorf("%w, until %s", ErrNotYetValid, p.NotBefore.UTC().Format(time.RFC3339))
	case !p.admits(viewer):
		return fmt.Errorf("%w, %s", ErrAddress, p.Source)
	}
	return nil
}

// admits tells whether the address is in Source. A block of all addresses admits those of both families: signers wrote
// 0.0.0.0/0 where they meant anybody.
func (p *Policy) admits(viewer netip.Addr) bool {
	if !p.Source.IsValid() || p.Source.Bits() == 0 {
		return true
	}
	source := p.Source
	if a := source.Addr(); a.Is4In6() && source.Bits() >= 96 {
		source = netip.PrefixFrom(a.Unmap(), source.Bits()-96)
	}
	return source.Contains(viewer.Unmap().WithZone(""))
}
